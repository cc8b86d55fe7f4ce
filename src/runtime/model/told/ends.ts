import { amountOf, moneyOf, type Report, reportOf, tokensOf } from '../books.ts';
import type { Event } from '../event.ts';
import type { ProjectNames } from '../shown-event.ts';
import type { Evidence, Outcome, Workspace } from '../task.ts';
import { usedOf } from '../usage.ts';
import type { Facts, Saying } from './table.ts';
import { isoIf, words } from './words.ts';

/*
 * What the end of an attempt tells.
 *
 * U1. An end that says anything of its use tells `usage_recorded`, once; one that says nothing tells none.
 * U2. Its sums are those that the books take in (model/books.ts): both read an end in the same way.
 */

type Taken = Report & { readonly profile?: string | undefined };
type End = Extract<Event, { type: 'task_finished' | 'task_requeued' }>;
type Of<T extends End['type']> = Extract<End, { type: T }>;

export function requeued(event: Of<'task_requeued'>, names: ProjectNames): Saying[] {
  const { attempt, error_class, reason, not_before, spent, used, place } = event;
  const of = refOf(event, names);
  const retried = {
    ...of,
    attempt,
    ...place,
    error_class,
    reason: words(reason),
    not_before: isoIf(not_before),
    spent,
  };
  return [
    { type: 'task_retried', ...retried },
    ...usage(event, names, 'retried', used && { ...used, profile: event.profile }),
  ];
}

export function finished(event: Of<'task_finished'>, names: ProjectNames): Saying[] {
  const { outcome } = event;
  switch (outcome.state) {
    case 'done':
      return [completed(event, outcome, names), ...usage(event, names, 'completed', outcome)];
    case 'failed':
      return failed(event, outcome, names);
    case 'cancelled': {
      const { reason, workspace, used } = outcome;
      const facts = {
        ...refOf(event, names),
        attempt: event.attempt,
        reason: words(reason),
        ...workFacts({ workspace }),
      };
      return [{ type: 'task_cancelled', ...facts }, ...usage(event, names, 'cancelled', used)];
    }
  }
}

type Done = Extract<Outcome, { state: 'done' }>;
type Failed = Extract<Outcome, { state: 'failed' }>;

/** The result is another agent's text, and may be long: `job_status` shows it, marked as such. */
function completed(event: Of<'task_finished'>, outcome: Done, names: ProjectNames): Saying {
  const { verified, turns, truncated, patch } = outcome;
  return {
    type: 'task_completed',
    ...refOf(event, names),
    attempt: event.attempt,
    ...placeFacts(event, outcome),
    verified,
    ...workFacts(outcome),
    ...{ turns, truncated, patch: patch && true },
  };
}

function failed(event: Of<'task_finished'>, outcome: Failed, names: ProjectNames): Saying[] {
  const { attempt, from_file } = event;
  const { error_class } = outcome;
  const of = refOf(event, names);
  const reason = words(outcome.reason);
  const facts = { ...placeFacts(event, outcome), error_class, reason, ...workFacts(outcome), from_file };
  return [
    { type: 'task_failed', ...of, attempt, ...facts },
    ...usage(event, names, 'failed', { ...reportOf(outcome), profile: outcome.profile }),
    ...(isDeadLetter(event, outcome)
      ? [{ type: 'task_dead_lettered', ...of, attempts: attempt, error_class, reason } as const]
      : []),
  ];
}

/** What fails with the task that it depended on is mended with that one; what an earlier home has told is told. */
function isDeadLetter({ from_file }: Of<'task_finished'>, { error_class }: Failed): boolean {
  return !from_file && error_class !== 'dependency';
}

/** U1, U2 */
function usage(
  event: End,
  names: ProjectNames,
  end: Facts<'usage_recorded'>['end'],
  report: Taken | undefined,
): Saying[] {
  if (!report || !usedOf(report)) return [];
  const { input_tokens, output_tokens, cache_read_tokens, cache_write_tokens } = report.usage ?? {};
  const [first, ...more] = Object.entries(moneyOf(report)).map(([currency, amount]) => ({ amount, currency }));
  return [
    {
      type: 'usage_recorded',
      ...refOf(event, names),
      ...{ attempt: event.attempt, end },
      ...placeFacts(event, report),
      profile: report.profile,
      tokens: report.tokens === undefined && !report.usage ? undefined : tokensOf(report),
      input_tokens: amountIf(input_tokens),
      output_tokens: amountIf(output_tokens),
      cache_read_tokens: amountIf(cache_read_tokens),
      cache_write_tokens: amountIf(cache_write_tokens),
      ...{ cost: first?.amount, currency: first?.currency },
      more_costs: more.length > 0 ? more : undefined,
    },
  ];
}

/** Numbers of strangers, as the books take them. */
function amountIf(given: number | undefined): number | undefined {
  return given === undefined ? undefined : amountOf(given);
}

/** As the journal has it; older records know only what the agent said of itself. */
function placeFacts(
  { place }: End,
  said: { agent?: string | undefined; provider?: string | undefined; model?: string | undefined },
) {
  const { agent, provider, model } = said;
  if (!place) return { agent, provider, model };
  return { ...place, model: place.model ?? model };
}

function workFacts(outcome: {
  readonly job_id?: string | undefined;
  readonly session_id?: string | undefined;
  readonly exit_code?: number | undefined;
  readonly evidence?: Evidence | undefined;
  readonly workspace?: Workspace | undefined;
}) {
  const { job_id, session_id, exit_code, evidence, workspace } = outcome;
  return {
    ...{ job_id, session_id, exit_code },
    branch: workspace?.branch,
    commits: workspace?.commits ?? evidence?.commits,
    files_changed: workspace?.files_changed ?? evidence?.files_total,
  };
}

function refOf({ project, id }: End, names: ProjectNames) {
  return { project: names(project), task: id };
}
