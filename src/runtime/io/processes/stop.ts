import { setTimeout as wait } from 'node:timers/promises';
import type { RunEnd } from '../../ports.ts';
import { isAlive, type ProcessTable } from './proc.ts';
import { readAgent, readOwner } from './records.ts';
import { endSurvivors, killMarked, send, signalAgent } from './survivors.ts';

export interface StopTimes {
  readonly graceMs: number;
  /** How long the wrapper may take for its record after the agent was killed: it may be waiting for room on the disk. */
  readonly patienceMs: number;
}

/**
 * Ends a run whose wrapper is alive. Only the agent is signalled, so that the wrapper records how it went; the wrapper
 * itself is killed when it does not end although nothing is left to wait for (it was stopped, or its disk hangs).
 */
export async function stopRun(
  dir: string,
  { graceMs, patienceMs }: StopTimes,
  table: ProcessTable,
  ended: Promise<RunEnd>,
): Promise<RunEnd> {
  const owned = await readOwner(dir);
  if (owned.kind !== 'wrapper') return ended;
  const over = ended.then(() => true);
  const deadline = Date.now() + graceMs;
  while (!(await tell(dir, table, 'SIGTERM')) && Date.now() < deadline) {
    if (await isOver(over, 20)) break; // claimed a moment ago: the agent is about to be there, or is already gone
  }
  if (!(await isOver(over, Math.max(0, deadline - Date.now())))) {
    await tell(dir, table, 'SIGKILL');
    await killMarked(table, owned.owner.run, owned.owner.pid);
    if (!(await isOver(over, patienceMs)) && (await isAlive(table, owned.owner))) {
      send(owned.owner.pid, 'SIGKILL');
    }
  }
  const end = await ended;
  await endSurvivors(table, { run: owned.owner.run });
  return end;
}

async function tell(dir: string, table: ProcessTable, name: NodeJS.Signals): Promise<boolean> {
  const agent = await readAgent(dir);
  return agent !== undefined && (await signalAgent(table, agent, name));
}

async function isOver(over: Promise<boolean>, ms: number): Promise<boolean> {
  const timer = new AbortController();
  const timeUp = wait(ms, false, { signal: timer.signal }).catch(() => false);
  const first = await Promise.race([over, timeUp]);
  timer.abort();
  return first;
}
