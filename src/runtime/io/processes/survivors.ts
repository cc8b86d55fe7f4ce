import { setTimeout as wait } from 'node:timers/promises';
import { type Identity, isAlive, type ProcessTable } from './proc.ts';

export const RUN_MARK = 'YARDMASTER_RUN';

const PATIENCE_MS = 5_000; // a process that was sent SIGKILL runs no more of its own code, even where the kernel still keeps it

/** Signals the agent's process group, if the agent's pid is still the agent's. */
export async function signalAgent(table: ProcessTable, agent: Identity, name: NodeJS.Signals): Promise<boolean> {
  if (agent.boot !== (await table.boot())) return false;
  if ((await table.look(agent.pid))?.start !== agent.start) return false;
  return send(-agent.pid, name) || send(agent.pid, name); // the pid alone: it has not made its own group yet
}

/** What is known of a run whose processes are to end. */
interface Remains {
  readonly run?: string;
  readonly agent?: Identity | undefined;
}

/** Kills everything that carries the run's mark or is in the agent's group, until a look finds nothing. */
export async function endSurvivors(table: ProcessTable, remains: Remains): Promise<void> {
  for (let waited = 0; waited < PATIENCE_MS; waited += 20) {
    const found = [await killAgent(table, remains.agent), await killMarked(table, remains.run)];
    if (!found.includes(true)) return;
    await wait(20);
  }
}

async function killAgent(table: ProcessTable, agent: Identity | undefined): Promise<boolean> {
  return agent !== undefined && (await isAlive(table, agent)) && (await signalAgent(table, agent, 'SIGKILL'));
}

export async function killMarked(table: ProcessTable, run: string | undefined, spare?: number): Promise<boolean> {
  if (run === undefined) return false;
  const marked = (await table.marked(`${RUN_MARK}=${run}`)).filter((pid) => pid !== spare);
  for (const pid of marked) send(pid, 'SIGKILL');
  return marked.length > 0;
}

/** Whether there was somebody to receive it. */
export function send(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false; // gone, or not ours any more
  }
}
