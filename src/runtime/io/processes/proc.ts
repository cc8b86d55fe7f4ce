import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Names one process for ever: a pid alone is used again. */
export interface Identity {
  readonly pid: number;
  readonly start: string;
  readonly boot: string;
}

export interface Seen {
  readonly start: string;
  /** Dead, but not yet collected by its parent. */
  readonly zombie: boolean;
}

export interface ProcessTable {
  /** How the supervisor learns its own identity; both must say the same. */
  readonly probe: 'proc' | 'ps';
  boot(): Promise<string>;
  look(pid: number): Promise<Seen | undefined>;
  /** Live processes whose environment has this `NAME=value`; this process is never among them. */
  marked(mark: string): Promise<number[]>;
}

export function processTable(): ProcessTable {
  return process.platform === 'linux' ? procTable : psTable;
}

/** True only for that very process; a zombie is dead. */
export async function isAlive(table: ProcessTable, who: Identity): Promise<boolean> {
  if (who.boot !== (await table.boot())) return false;
  const seen = await table.look(who.pid);
  return seen !== undefined && seen.start === who.start && !seen.zombie;
}

// /proc is read synchronously: it is memory, and one read costs less than a turn through the thread pool.
export const procTable: ProcessTable = {
  probe: 'proc',
  async boot() {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  },
  async look(pid) {
    const stat = readProc(`/proc/${pid}/stat`);
    if (stat === undefined) return undefined;
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // the name before it may hold anything
    const [state, start] = [fields[0], fields[19]];
    if (start === undefined) return undefined;
    return { start, zombie: state === 'Z' || state === 'X' };
  },
  async marked(mark) {
    const pids = readdirSync('/proc').map(Number).filter(Number.isInteger);
    const bytes = asRead(mark);
    return pids.filter((pid) => pid !== process.pid && readProc(`/proc/${pid}/environ`)?.split('\0').includes(bytes));
  },
};

/**
 * For systems without /proc. Start times have a resolution of one second. The environment of others can't be read
 * reliably there, so nothing is ever `marked`: what left the agent's process group is not found.
 */
export const psTable: ProcessTable = {
  probe: 'ps',
  async boot() {
    if (process.platform === 'linux') return procTable.boot();
    const { stdout } = await run('sysctl', ['-n', 'kern.boottime']);
    return /sec = (\d+)/.exec(stdout)?.[1] ?? stdout.trim();
  },
  async look(pid) {
    const words = (await askPs(pid)).trim().split(/\s+/);
    const state = words.pop();
    return !state || words.length === 0 ? undefined : { start: words.join(' '), zombie: state.startsWith('Z') };
  },
  async marked() {
    return [];
  },
};

/** A text as `readProc` gives its bytes. */
export function asRead(text: string): string {
  return Buffer.from(text).toString('latin1');
}

/**
 * Undefined for a process that is gone, or that belongs to somebody else. Every other error is thrown: a look that
 * failed, because descriptors or memory ran out, must never pass for a death.
 */
export function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(code)) return undefined;
    throw error;
  }
}

/** ps ends with 1, and says nothing, when there is no such process. */
async function askPs(pid: number): Promise<string> {
  const env = { ...process.env, TZ: 'UTC0', LC_ALL: 'C' };
  try {
    return (await run('ps', ['-o', 'lstart=,stat=', '-p', String(pid)], { env })).stdout;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 1) return '';
    throw error;
  }
}
