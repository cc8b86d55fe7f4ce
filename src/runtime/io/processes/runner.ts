import { chmod, mkdir } from 'node:fs/promises';
import type { RunEnd, Runner, RunOrder } from '../../ports.ts';
import { asEnd, type Following, followAdopted, followChild } from './follow.ts';
import { prepare } from './order.ts';
import { type ProcessTable, processTable } from './proc.ts';
import { readOwner } from './records.ts';
import { recoverRun } from './recover.ts';
import { spawnWrapper } from './spawn.ts';
import { stopRun } from './stop.ts';

export interface RunnerOptions {
  readonly table?: ProcessTable;
  /** How often an adopted run is looked at; its exit record is normally noticed at once. */
  readonly pollMs?: number;
  /** How long a wrapper may live on after its agent was killed. */
  readonly patienceMs?: number;
  /** Where the wrapper's own tools are looked for, after the usual places; default: this process's PATH. */
  readonly toolPath?: string;
}

type Started = Awaited<ReturnType<Runner['start']>>;

/** Runs agents as processes that outlive this one, at most once per directory (laws 2 and 5 of the design). */
export function createRunner(options: RunnerOptions = {}): Runner {
  const table = options.table ?? processTable();
  const { patienceMs = 30_000 } = options;
  const following = new Map<string, Following>();
  const stopping = new Map<string, Promise<RunEnd>>();
  const recover = (dir: string) => recoverRun(dir, table);
  const lookingAt = (dir: string) => ({ dir, pollMs: options.pollMs ?? 2_000, look: () => recover(dir) });

  function follow(dir: string, run: Following): Promise<RunEnd> {
    following.set(dir, run);
    void run.ended.then(() => following.delete(dir));
    return run.ended;
  }

  function ended(dir: string): Promise<RunEnd> {
    return following.get(dir)?.ended ?? follow(dir, followAdopted(lookingAt(dir)));
  }

  async function start(order: RunOrder): Promise<Started> {
    const prepared = await prepare(order, options.toolPath);
    if ('refused' in prepared) return { kind: 'refused', reason: prepared.refused };
    await mkdir(order.dir, { recursive: true });
    await chmod(order.dir, 0o700); // what an agent prints is its user's alone
    const wrapper = await spawnWrapper(order, prepared, table);
    if ('refused' in wrapper) return { kind: 'refused', reason: wrapper.refused };
    const owned = await readOwner(order.dir);
    const isOurs = owned.kind === 'wrapper' && owned.owner.pid === wrapper.pid;
    if (!isOurs) return { kind: 'refused', reason: 'another start, or a recovery, was first in this run directory' };
    void follow(order.dir, followChild(wrapper.gone, lookingAt(order.dir)));
    return { kind: 'started' };
  }

  async function stopNow(dir: string, graceMs: number): Promise<RunEnd> {
    return asEnd(await recover(dir)) ?? stopRun(dir, { graceMs, patienceMs }, table, ended(dir));
  }

  function stop(dir: string, graceMs: number): Promise<RunEnd> {
    const already = stopping.get(dir);
    if (already) return already;
    const stopped = stopNow(dir, graceMs).finally(() => stopping.delete(dir));
    stopping.set(dir, stopped);
    return stopped;
  }

  async function close(): Promise<void> {
    for (const run of following.values()) run.close();
    following.clear();
  }

  return { start, recover, ended, stop, close };
}
