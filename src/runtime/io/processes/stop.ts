import { setTimeout as wait } from 'node:timers/promises';
import type { RunEnd } from '../../ports.ts';
import { isAlive, type ProcessTable } from './proc.ts';
import { type Itself, readAgent, readOwner } from './records.ts';
import { leftBehind } from './recover.ts';
import { endSurvivors, send, signalAgent } from './survivors.ts';

const KILLED_MS = 5_000;

export interface StopTimes {
  readonly graceMs: number;
  /** How long its supervisor may take to notice that the agent was killed. */
  readonly patienceMs: number;
}

/**
 * Ends a run whose supervisor is alive. Only the agent and what it started are signalled: the supervisor tells how it
 * went, and has other runs to care for. One that says nothing for too long was stopped, or its machine hangs; what it has
 * started it never starts again, so the death of all that is proof enough. Where it has not come so far, only its own is.
 */
export async function stopRun(
  dir: string,
  { graceMs, patienceMs }: StopTimes,
  table: ProcessTable,
  ended: Promise<RunEnd>,
): Promise<RunEnd> {
  const owned = await readOwner(dir);
  if (owned.kind === 'itself') return stopItself(owned.owner, graceMs, table);
  if (owned.kind !== 'supervisor') return ended;
  const { run } = owned.owner;
  const over = ended.then(() => true);
  const deadline = Date.now() + graceMs;
  while (!(await tell(dir, table, 'SIGTERM')) && Date.now() < deadline) {
    if (await isOver(over, 20)) break; // claimed a moment ago: the agent is about to be there, or is already gone
  }
  if (!(await isOver(over, Math.max(0, deadline - Date.now())))) {
    await tell(dir, table, 'SIGKILL');
    await endSurvivors(table, { run });
    if (!(await isOver(over, patienceMs))) {
      const agent = await readAgent(dir);
      await endSurvivors(table, { run, agent });
      if (agent !== undefined)
        return { kind: 'lost', reason: 'it was stopped, and its supervisor did not tell its end' };
      if (await isAlive(table, owned.owner)) send(owned.owner.pid, 'SIGKILL');
    }
  }
  const end = await ended;
  await endSurvivors(table, { run });
  return end;
}

/** Nobody records its end: its death is looked for. */
async function stopItself(agent: Itself, graceMs: number, table: ProcessTable): Promise<RunEnd> {
  await asked(agent, graceMs, table);
  return leftBehind(table, agent, 'it was stopped');
}

/** It alone: what a success has started may stay. */
export async function dismissRun(dir: string, graceMs: number, table: ProcessTable): Promise<void> {
  const owned = await readOwner(dir);
  if (owned.kind !== 'itself' || (await asked(owned.owner, graceMs, table))) return;
  await signalAgent(table, owned.owner, 'SIGKILL');
  await dead(owned.owner, KILLED_MS, table);
}

/** True when it obeyed in time. */
async function asked(agent: Itself, graceMs: number, table: ProcessTable): Promise<boolean> {
  await signalAgent(table, agent, 'SIGTERM');
  return dead(agent, graceMs, table);
}

async function dead(agent: Itself, ms: number, table: ProcessTable): Promise<boolean> {
  for (const deadline = Date.now() + ms; await isAlive(table, agent); ) {
    if (Date.now() >= deadline) return false;
    await wait(20);
  }
  return true;
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
