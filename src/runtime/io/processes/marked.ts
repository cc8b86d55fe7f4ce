import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import type { MarkedProcess, MarkedProcesses } from '../../ports.ts';
import { asRead, isAlive, type ProcessTable, readProc } from './proc.ts';
import { RUN_DIR_MARK, send } from './survivors.ts';

/*
 * Processes that say of themselves to which run they belong: an agent, and whatever it has started that kept its
 * environment, in whatever group or session. What must hold:
 *
 * 1. A process is signalled only while it is the one that was seen: its number alone is used again.
 */

const LOOK_MS = 50;
const KILLED_MS = 5_000;
const TICKS_PER_SECOND = 100; // what Linux tells to programs, whatever the kernel counts
const LONGEST_COMMAND = 1_000;

export function markedProcesses(table: ProcessTable): MarkedProcesses {
  return {
    // `ps` does not tell the environment of others reliably.
    within: async (folder) => (table.probe === 'proc' ? marked(folder) : undefined),
    end: (those, graceMs) => end(table, those, graceMs),
  };
}

function marked(folder: string): MarkedProcess[] {
  const booted = bootTime();
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid !== process.pid)
    .flatMap((pid) => seen(pid, asRead(`${RUN_DIR_MARK}=${folder}/`), booted) ?? []);
}

function seen(pid: number, beginning: string, booted: number): MarkedProcess | undefined {
  const mark = readProc(`/proc/${pid}/environ`)
    ?.split('\0')
    .find((one) => one.startsWith(beginning));
  if (mark === undefined) return undefined;
  const stat = readProc(`/proc/${pid}/stat`);
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? []; // the name before it may hold anything
  const [state, start] = [fields[0], fields[19]];
  if (start === undefined || state === 'Z' || state === 'X') return undefined;
  return {
    ...{ pid, start, begun_at: booted + (Number(start) * 1_000) / TICKS_PER_SECOND },
    command: commandOf(pid, stat ?? ''),
    run_dir: Buffer.from(mark.slice(RUN_DIR_MARK.length + 1), 'latin1').toString(),
  };
}

function commandOf(pid: number, stat: string): string {
  const line = Buffer.from(readProc(`/proc/${pid}/cmdline`) ?? '', 'latin1').toString();
  const words = line.split('\0').join(' ').trim();
  return (words === '' ? stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')')) : words).slice(0, LONGEST_COMMAND);
}

function bootTime(): number {
  return Number(/^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'latin1'))?.[1] ?? 0) * 1_000;
}

/** Those that are gone afterwards. */
async function end(
  table: ProcessTable,
  those: readonly MarkedProcess[],
  graceMs: number,
): Promise<readonly MarkedProcess[]> {
  const boot = await table.boot();
  const alive = async () => {
    const found = await Promise.all(those.map((one) => isAlive(table, { ...one, boot })));
    return those.filter((_, at) => found[at]);
  };
  const signal = async (name: NodeJS.Signals) => {
    for (const { pid } of await alive()) send(pid, name); // 1
  };
  const gone = async (ms: number) => {
    for (const until = Date.now() + ms; (await alive()).length > 0; await wait(LOOK_MS))
      if (Date.now() >= until) return false;
    return true;
  };
  await signal('SIGTERM');
  if (!(await gone(graceMs))) {
    await signal('SIGKILL');
    await gone(KILLED_MS);
  }
  const left = new Set(await alive());
  return those.filter((one) => !left.has(one));
}
