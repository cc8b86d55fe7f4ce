import { setTimeout as wait } from 'node:timers/promises';
import type { Identity, ProcessTable } from './proc.ts';

export const RUN_MARK = 'YARDMASTER_RUN';

const PATIENCE_MS = 5_000; // a process that was sent SIGKILL runs no more of its own code, even where the kernel still keeps it

/** Signals the agent's process group, if the agent's pid is still the agent's. */
export async function signalAgent(table: ProcessTable, agent: Identity, name: NodeJS.Signals): Promise<boolean> {
  if (agent.boot !== (await table.boot())) return false;
  if ((await table.look(agent.pid))?.start !== agent.start) return false;
  return send(-agent.pid, name) || send(agent.pid, name); // the pid alone: it has not made its own group yet
}

/** Kills everything that carries the run's mark or is in the agent's group, until a look finds nothing. */
export async function endSurvivors(
  table: ProcessTable,
  run: { readonly run: string; readonly agent?: Identity | undefined; readonly spare?: number },
): Promise<void> {
  for (let waited = 0; waited < PATIENCE_MS; waited += 20) {
    if (!(await killOnce(table, run))) return;
    await wait(20);
  }
}

async function killOnce(table: ProcessTable, run: Parameters<typeof endSurvivors>[1]): Promise<boolean> {
  const seen = run.agent && (await table.look(run.agent.pid));
  const group = run.agent && seen && !seen.zombie && (await signalAgent(table, run.agent, 'SIGKILL'));
  const marked = (await table.marked(`${RUN_MARK}=${run.run}`)).filter((pid) => pid !== run.spare);
  for (const pid of marked) send(pid, 'SIGKILL');
  return group === true || marked.length > 0;
}

/** Whether there was somebody to receive it. */
export function send(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false; // gone, or not ours any more
  }
}
