import { amountOf } from './books.ts';
import type { AgentRoute } from './route.ts';
import type { LiveTask, OpenTask, Outcome } from './task.ts';
import type { InVain, Took, Try } from './try.ts';
import { type Used, usedOf } from './usage.ts';

/*
 * What a task remembers of its attempts while it is open: the newest few, each bounded. Once it has ended, its file has
 * them, and memory none.
 */

export const KEPT_TRIES = 20;
const MAX_REASON = 500; // characters
const MAX_CURRENCIES = 8;

/** How an attempt ended, as far as its end told. */
export interface EndOfTry
  extends Pick<Try, 'ended' | 'spent'>,
    Partial<
      Pick<
        Try,
        'error_class' | 'reason' | 'next_at' | 'agent' | 'provider' | 'profile' | 'session_id' | 'job_id' | 'exit_code'
      >
    > {
  readonly used?: Used | undefined;
}

interface Remembered {
  readonly tries?: Try[] | undefined;
  readonly took?: Took | undefined;
  readonly in_vain?: InVain | undefined;
}

/** What the task remembers now that its live attempt has ended. */
export function remember(task: LiveTask, end: EndOfTry, at: number): Remembered {
  const tries = [...(task.tries ?? []), tryOf(task, end, at)].slice(-KEPT_TRIES);
  const took = addUp(task.took, end.used);
  const in_vain = vain(task.in_vain, end, at);
  return { tries, ...(took && { took }), ...(in_vain && { in_vain }) };
}

/** All that is known of the attempts of a task that ends now, the last one included. */
export function triesAtEnd(task: OpenTask, outcome: Outcome, at: number): { tries: readonly Try[]; took?: Took } {
  if (task.state !== 'claimed' && task.state !== 'running')
    return { tries: task.tries ?? [], ...(task.took && { took: task.took }) };
  if (outcome.state === 'cancelled' && outcome.never_began)
    return { tries: task.tries ?? [], ...(task.took && { took: task.took }) };
  const { tries = [], took } = remember(task, endOf(outcome), at);
  return { tries, ...(took && { took }) };
}

function endOf(outcome: Outcome): EndOfTry {
  switch (outcome.state) {
    case 'done': {
      const { agent, provider, profile, session_id, job_id, exit_code } = outcome;
      return {
        ended: 'done',
        spent: true,
        agent,
        provider,
        profile,
        session_id,
        job_id,
        exit_code,
        used: usedOf(outcome),
      };
    }
    case 'failed': {
      const { error_class, reason, agent, provider, profile, session_id, job_id, exit_code } = outcome;
      const used = outcome.used ?? usedOf(outcome);
      return {
        ended: 'failed',
        spent: true,
        error_class,
        reason,
        agent,
        provider,
        profile,
        session_id,
        job_id,
        exit_code,
        used,
      };
    }
    case 'cancelled':
      return { ended: 'cancelled', spent: false, reason: outcome.reason, used: outcome.used };
  }
}

function tryOf(task: LiveTask, end: EndOfTry, at: number): Try {
  const { route } = task;
  const { reason, used, ...facts } = end;
  const whole = {
    attempt: task.attempt,
    ...(route.to === 'agent' ? { agent: route.agent, program: programOf(route) } : { provider: route.provider }),
    model: used?.model ?? route.model,
    job_id: task.state === 'running' ? task.job_id : undefined,
    started_at: task.state === 'running' ? task.started_at : task.claimed_at,
    ended_at: at,
    ...withoutAbsent(facts),
    reason: reason === undefined || reason.length <= MAX_REASON ? reason : `${reason.slice(0, MAX_REASON - 1)}…`,
    used,
  };
  return withoutAbsent(whole) as Try;
}

/** A command and an outside worker have no conversation that could go on. */
function programOf({ kind, agent, program }: AgentRoute): string | undefined {
  return kind === 'session' || kind === 'headless' ? (program ?? agent) : undefined;
}

function addUp(before: Took | undefined, used: Used | undefined): Took | undefined {
  if (used?.tokens === undefined && used?.cost === undefined) return before;
  const tokens = (before?.tokens ?? 0) + amountOf(used.tokens);
  const costs = (before?.costs ?? []).map((cost) => ({ ...cost }));
  const same = costs.find(({ currency }) => currency === used.cost?.currency);
  const more = used.cost && { ...used.cost, amount: amountOf(used.cost.amount) };
  if (more && same) same.amount += more.amount;
  else if (more && costs.length < MAX_CURRENCIES) costs.push(more);
  return { ...(tokens > 0 && { tokens }), ...(costs.length > 0 && { costs }) };
}

/** Work that a check has refused has a bound of its own, and a person's stop is no failure. */
function vain(before: InVain | undefined, end: EndOfTry, at: number): InVain | undefined {
  const { error_class, spent } = end;
  if (end.ended !== 'again' || spent || error_class === undefined || error_class === 'verify') return undefined;
  if (error_class === 'stopped') return before;
  return before?.class === error_class
    ? { ...before, count: before.count + 1 }
    : { class: error_class, since: at, count: 1 };
}

function withoutAbsent<T extends object>(facts: T): T {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)) as T;
}
