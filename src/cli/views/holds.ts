import type { Look, Structured } from '../cli.ts';
import { hintForPeople } from '../hints.ts';
import { safeLine } from '../safe-text.ts';
import { relative } from '../time.ts';

/** A hold as the tools show it. */
export interface Held {
  readonly scope: 'fleet' | 'project' | 'agent';
  readonly name?: string;
  readonly what: 'pause' | 'drain';
  readonly state: 'paused' | 'draining' | 'drained';
  readonly reason: string;
  readonly by: string;
  readonly since?: string;
  readonly until?: string;
  readonly running: number;
  readonly waiting: number;
}

export interface HoldAnswer extends Structured {
  readonly what: 'pause' | 'drain' | 'resume';
  readonly hold?: Held;
  /** Of a resume: something was held there. */
  readonly changed?: boolean;
  readonly next: string;
}

/** `shop draining by a person: the branch is rebased (in 2h); 1 runs, 3 wait`. */
export function heldLine(held: Held, { paint, now }: Look): string {
  const { scope, name, state, reason, by, until, running, waiting } = held;
  const what = scope === 'fleet' ? 'everything' : `${scope} ${name ?? ''}`;
  const end = until === undefined ? '' : ` (over ${relative(until, now)})`;
  const who = by === 'person' ? 'a person' : 'a client';
  const told = `by ${who}: ${reason}${end}; ${running} ${running === 1 ? 'runs' : 'run'}, ${waiting} ${waiting === 1 ? 'waits' : 'wait'}`;
  return `${safeLine(what)} ${paint('yellow', state)} ${safeLine(told)}`;
}

export function holdView({ what, hold, changed, next }: HoldAnswer, look: Look): string {
  if (what === 'resume')
    return `${changed === false ? '' : `${look.paint('green', 'resumed')}: `}${safeLine(hintForPeople(next))}\n`;
  return hold === undefined ? 'it is over already\n' : `${heldLine(hold, look)}\n`;
}
