import { type Config, commandAgents } from './model/config.ts';
import { isLive, type LiveTask, type OpenTask } from './model/task.ts';
import { runDirOf } from './runs/order.ts';
import type { SlotView } from './yard.ts';

/** Every place of a configured command, working ones first, in the order in which they began. */
export function slotsOf(config: Config, open: Iterable<OpenTask>, home: string): SlotView[] {
  const byAgent = new Map<string, LiveTask[]>();
  for (const task of open) {
    if (!isLive(task) || task.route.to !== 'agent' || task.route.kind !== 'command') continue;
    byAgent.set(task.route.agent, [...(byAgent.get(task.route.agent) ?? []), task]);
  }
  const commands = commandAgents(config);
  const names = new Set([...Object.keys(commands), ...byAgent.keys()]);
  return [...names].flatMap((agent) => slotsOfAgent(agent, commands[agent]?.max ?? 1, byAgent.get(agent) ?? [], home));
}

function slotsOfAgent(agent: string, max: number, working: LiveTask[], home: string): SlotView[] {
  working.sort((a, b) => a.claimed_at - b.claimed_at);
  const slots = Math.max(working.length, max, 1);
  return Array.from({ length: slots }, (_, i): SlotView => {
    const task = working[i];
    const name = `${agent}-${i + 1}`;
    if (!task) return { name, agent, kind: 'command', state: 'idle' };
    const since = task.state === 'running' ? task.started_at : task.claimed_at;
    const ref = { project: task.project, id: task.id };
    const at = { ref, title: task.title, attempt: task.attempt, since, run_dir: runDirOf(home, ref, task.attempt) };
    return { name, agent, kind: 'command', state: 'working', task: at };
  });
}
