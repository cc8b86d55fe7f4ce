import type { Chance, Clock } from '../ports.ts';
import type { Callback } from './tell.ts';
import type { Told } from './verdict.ts';

/** One callback that is still owed. Its tries are counted for this runtime alone. */
export interface Debt {
  readonly callback: Callback;
  readonly host: string;
  tries: number;
  /** Answers that will hardly change. */
  refusals: number;
  next_at: number;
  busy: boolean;
  /** By our own configuration. */
  held: boolean;
  /** Why the last try came to nothing. */
  trouble?: string;
  /** It was taken, or given up; only the record of that is missing. */
  end?: { readonly ok: boolean; readonly detail: string };
}

const PER_HOST = 2;
const FIRST_MS = 5_000;
const LONGEST_MS = 15 * 60_000;
const LONGEST_ASKED_MS = 60 * 60_000;
const ABSENT_MS = 60_000;
/** So often a receiver may refuse before it is believed. */
const REFUSALS = 5;
/** Nothing is given up for its age alone: after a long sleep of this machine it is tried so often first. */
export const FEW = 3;

/** A host that is owed something, and what is known of it from its last answers. */
export class Host {
  /** What is owed there, oldest first; one that was tried comes last. */
  readonly debts = new Set<Debt>();
  busy = 0;
  held_until = 0;
  /** Tries in a row that nobody answered. */
  silent = 0;

  get room(): number {
    return this.silent > 0 ? 1 : PER_HOST;
  }
}

type Ports = { readonly clock: Clock; readonly chance: Chance };

/** What a try came to, written down: when the next one is due, or that there is none. */
export function settleTry(debt: Debt, host: Host, told: Told, { clock, chance }: Ports): void {
  const now = clock.now();
  if (told.kind === 'taken') {
    debt.tries++;
    host.silent = 0;
    debt.end = { ok: true, detail: `${told.detail} from ${debt.host}, ${tries(debt)}` };
    return;
  }
  debt.trouble = told.reason;
  debt.held = told.kind === 'held';
  if (told.kind === 'absent') {
    debt.next_at = now + ABSENT_MS;
    return;
  }
  debt.tries++;
  if (told.kind === 'refused' || told.kind === 'gone') debt.refusals++;
  if (told.kind === 'gone' || debt.refusals >= REFUSALS) debt.end = givenUp(debt);
  debt.next_at = now + pauseMs(debt.tries, chance);
  if (told.kind === 'again') pauseHost(debt, host, told, now, chance);
  else if (told.kind !== 'held') host.silent = 0;
}

function pauseHost(debt: Debt, host: Host, told: Told & { kind: 'again' }, now: number, chance: Chance): void {
  host.silent = told.silent ? host.silent + 1 : 0;
  if (told.silent) host.held_until = now + pauseMs(host.silent, chance);
  if (told.retry_after_ms === undefined) return;
  const asked = now + Math.min(told.retry_after_ms, LONGEST_ASKED_MS);
  host.held_until = Math.max(host.held_until, asked); // it speaks for all that the host gets
  debt.next_at = Math.max(debt.next_at, asked);
}

/** Doubles with each try; jitter keeps many from coming back at the same moment. */
function pauseMs(tries: number, chance: Chance): number {
  const whole = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(tries - 1, 20));
  return Math.ceil(whole * (0.5 + chance.fraction() / 2));
}

/** Old, and in vain: it was tried, or its host answers nobody. */
export function isTooOld({ callback, tries }: Debt, { silent }: Host, now: number, give_up: number): boolean {
  return now - callback.since >= give_up && (tries >= FEW || silent >= FEW);
}

export function givenUp(debt: Debt): { ok: false; detail: string } {
  const why = debt.trouble ?? 'nobody answers there';
  return { ok: false, detail: `${debt.host}: ${why}, ${tries(debt)}` };
}

function tries({ tries }: Debt): string {
  return tries === 1 ? '1 try' : `${tries} tries`;
}
