import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Recovered, RunEnd } from '../../ports.ts';
import { fence } from './owner.ts';
import { isAlive, type ProcessTable } from './proc.ts';
import { type Exited, type Itself, type Owner, readAgent, readExit, readOwner } from './records.ts';
import { endSurvivors } from './survivors.ts';

/*
 * What became of a run, from its directory and the process table alone. What must hold:
 *
 * 1. An exit record is the truth, whatever else is found.
 * 2. Without an owner nothing was started, and after this call nothing will be: it is fenced.
 * 3. `lost` is said only after proof of death: its supervisor is no more, there was no exit record after that, and what
 *    survived of the run has been killed.
 */

const RESTARTED = 'the machine was restarted';

export async function recoverRun(dir: string, table: ProcessTable): Promise<Recovered> {
  const found = await lookAtRun(dir, table);
  if (found.kind !== 'not_begun') return found;
  return fence(dir) ? { kind: 'never_started' } : recoverRun(dir, table); // 2
}

/** The same, but what has not begun may still begin. */
export async function lookAtRun(dir: string, table: ProcessTable): Promise<Recovered | { kind: 'not_begun' }> {
  const exit = await readExit(dir);
  if (exit) return concluded(dir, table, exit); // 1
  const hadBegun = await hasBegun(dir); // before the owner is looked for: an owner is always there first
  const owned = await readOwner(dir);
  switch (owned.kind) {
    case 'nobody':
      return hadBegun ? orphaned(dir, table, 'its owner record is gone') : { kind: 'not_begun' };
    case 'fenced':
      return { kind: 'never_started' };
    case 'torn':
      return orphaned(dir, table, 'its owner record is damaged, as after a power cut');
    case 'supervisor':
      return (await isAlive(table, owned.owner)) ? { kind: 'running' } : proveDeath(dir, table, owned.owner);
    case 'itself':
      return (await isAlive(table, owned.owner))
        ? { kind: 'running', pid: owned.owner.pid }
        : leftBehind(table, owned.owner, 'its process has ended');
  }
}

async function proveDeath(dir: string, table: ProcessTable, owner: Owner): Promise<RunEnd> {
  const late = await readExit(dir); // 3: it may have been written between the first look and its supervisor's death
  if (late) return concluded(dir, table, late);
  if (owner.boot !== (await table.boot())) return lost(RESTARTED);
  await endSurvivors(table, { supervisor: owner.supervisor, run: owner.run, agent: await readAgent(dir) });
  return lost('its supervisor died without leaving an exit record');
}

/** An agent without a supervisor is dead, or is to be: nothing of it may be at work when the next attempt begins. */
export async function leftBehind(table: ProcessTable, owner: Itself, reason: string): Promise<RunEnd> {
  if (owner.boot !== (await table.boot())) return lost(RESTARTED);
  await endSurvivors(table, { run: owner.run, agent: owner });
  return lost(reason);
}

/** Its supervisor can't be known any more; what is known of the agent must do. */
async function orphaned(dir: string, table: ProcessTable, reason: string): Promise<RunEnd> {
  await endSurvivors(table, { dir, agent: await readAgent(dir) });
  return lost(reason);
}

/**
 * What left the process group by a session of its own outlives only a success: a server that the task was to start
 * may stay, but nothing of a failed attempt may still be at work when the next one begins.
 */
async function concluded(dir: string, table: ProcessTable, exit: Exited): Promise<Exited> {
  const owned = await readOwner(dir);
  if (owned.kind !== 'supervisor') return exit;
  if (exit.code !== 0 && owned.owner.boot === (await table.boot())) {
    await endSurvivors(table, { run: owned.owner.run, agent: await readAgent(dir) });
  }
  return exit;
}

/** Whatever the run's end was: its attempt has failed. */
export async function clearRun(dir: string, table: ProcessTable): Promise<void> {
  const owned = await readOwner(dir);
  if (owned.kind !== 'supervisor' && owned.kind !== 'itself') return;
  if (owned.owner.boot !== (await table.boot())) return;
  await endSurvivors(table, { run: owned.owner.run, agent: await readAgent(dir) });
}

async function hasBegun(dir: string): Promise<boolean> {
  const found = await stat(join(dir, 'agent')).catch(() => undefined);
  return found !== undefined;
}

function lost(reason: string): RunEnd {
  return { kind: 'lost', reason };
}
