import { setTimeout as wait } from 'node:timers/promises';
import { type Identity, isAlive, type ProcessTable } from './proc.ts';

export const RUN_MARK = 'YARDMASTER_RUN';
export const RUN_DIR_MARK = 'YARDMASTER_RUN_DIR';
export const SUPERVISOR_MARK = 'YARDMASTER_SUPERVISOR';

const LOOK_MS = 20;
const PATIENCE_MS = 5_000; // a process that was sent SIGKILL runs no more of its own code, even where the kernel still keeps it

/** Signals the agent's process group, if the agent's pid is still the agent's. */
export async function signalAgent(table: ProcessTable, agent: Identity, name: NodeJS.Signals): Promise<boolean> {
  if (agent.boot !== (await table.boot())) return false;
  if ((await table.look(agent.pid))?.start !== agent.start) return false;
  return send(-agent.pid, name) || send(agent.pid, name); // the pid alone: it has not made its own group yet
}

/** What is known of a run whose processes are to end. */
interface Remains {
  /** The mark of its supervisor, which must be dead: what still carries it was about to become an agent. */
  readonly supervisor?: string;
  readonly run?: string;
  /** Its run directory, where its mark can't be known any more. */
  readonly dir?: string;
  readonly agent?: Identity | undefined;
}

/** Kills everything that carries the run's mark or is in the agent's group, until looks find nothing of it alive. */
export async function endSurvivors(table: ProcessTable, remains: Remains): Promise<void> {
  const { supervisor, run, dir, agent } = remains;
  const enough = supervisor !== undefined && agent === undefined ? 2 : 1; // in the middle of exec(2) a mark can't be read
  const dying = new Map<number, string>();
  for (let waited = 0, quiet = 0; waited < PATIENCE_MS; waited += LOOK_MS) {
    await killMarked(table, SUPERVISOR_MARK, supervisor, dying); // first: what it misses carries the run's mark by now
    const killed = await killAgent(table, agent);
    await killMarked(table, RUN_MARK, run, dying);
    await killMarked(table, RUN_DIR_MARK, dir, dying);
    quiet = killed || (await anyAlive(table, dying)) ? 0 : quiet + 1;
    if (quiet >= enough) return;
    await wait(LOOK_MS);
  }
}

async function killAgent(table: ProcessTable, agent: Identity | undefined): Promise<boolean> {
  return agent !== undefined && (await isAlive(table, agent)) && (await signalAgent(table, agent, 'SIGKILL'));
}

async function killMarked(
  table: ProcessTable,
  name: string,
  value: string | undefined,
  dying: Map<number, string>,
): Promise<void> {
  if (value === undefined) return;
  for (const pid of await table.marked(`${name}=${value}`)) {
    const seen = await table.look(pid);
    if (seen && !seen.zombie) dying.set(pid, seen.start);
    send(pid, 'SIGKILL');
  }
}

/** A process that is ending loses its environment before it lets go of its files and locks. */
async function anyAlive(table: ProcessTable, dying: ReadonlyMap<number, string>): Promise<boolean> {
  for (const [pid, start] of dying) {
    const seen = await table.look(pid);
    if (seen?.start === start && !seen.zombie) return true;
  }
  return false;
}

/** Whether there was somebody to receive it. */
export function send(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false; // gone, or not ours any more
  }
}
