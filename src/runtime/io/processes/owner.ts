import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/*
 * Who decides over a run directory: `owner` appears with its whole content or not at all, and whoever makes it first
 * decides: a supervisor that starts the agent, or a recovery that fences. It is read in records.ts.
 */

const FENCED = `${JSON.stringify({ fenced: true })}\n`;

/** A supervisor takes the run. False when somebody was first. */
export function claimRun(dir: string, owner: object): boolean {
  return makeOwner(dir, `${JSON.stringify(owner)}\n`);
}

/** Nothing may start here any more. False when somebody was first. */
export function fence(dir: string): boolean {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  return makeOwner(dir, FENCED);
}

/** By the supervisor that owns the run and knows that nothing was started. */
export function giveBack(dir: string): void {
  const temp = tempIn(dir);
  writeFileSync(temp, FENCED, { flag: 'wx', mode: 0o600 });
  renameSync(temp, join(dir, 'owner'));
}

function makeOwner(dir: string, text: string): boolean {
  const temp = tempIn(dir);
  try {
    writeFileSync(temp, text, { flag: 'wx', mode: 0o600 });
    linkSync(temp, join(dir, 'owner')); // link(2) never replaces
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(temp, { force: true });
  }
}

function tempIn(dir: string): string {
  return join(dir, `owner.${randomBytes(6).toString('hex')}`);
}
