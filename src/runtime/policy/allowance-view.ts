import type { AllowanceView, Holder, LimitView } from '../model/allowance.ts';
import { dayOf, requestsOf, spentBy } from '../model/books.ts';
import type { Fleet, FleetAllowance } from '../model/fleet.ts';
import type { ProjectId } from '../model/ids.ts';
import type { ChangeableLimit, LimitChange } from '../model/quota.ts';
import { agentLimits, type Limit, modelLimits, own, projectLimits, worstOf } from './allowance.ts';

/*
 * What is limited, what was used today though nothing limits it, and what was changed at run time; the worst first.
 *
 * V1. Every change that is in force is shown, also one that took a limit away, and one for a name that is gone.
 */

interface Subject {
  readonly of: Holder;
  readonly name: string;
  readonly limits: readonly Limit[];
  readonly used: readonly LimitView[];
  /** Those that nothing counts up to: how long something may take. */
  readonly lengths: Readonly<Partial<Record<ChangeableLimit, number>>>;
}

export function allowanceView(
  { allowance, projects }: Fleet,
  projectName: (id: ProjectId) => string,
  now: number,
): AllowanceView[] {
  if (!allowance) return [];
  const { agents, models } = allowance;
  const today = (of: Holder) => namesOf(of, allowance, now);
  const subjects: Subject[] = [
    ...names(Object.keys(agents), today('agent')).map((name): Subject => {
      const lengths = { max_job_duration: own(agents, name)?.max_job_duration ?? 0 };
      return { ...booked('agent', name, name, allowance, now), limits: agentLimits(name, allowance, now), lengths };
    }),
    ...names(Object.keys(models), today('model')).map((name): Subject => {
      const limits = modelLimits(name, allowance, now);
      return { ...booked('model', name, name, allowance, now), limits, lengths: {} };
    }),
    ...[...projects].map(([id, project]): Subject => {
      const name = project.allowance?.name ?? projectName(id);
      const lengths = { cooldown: project.allowance?.limits.cooldown ?? 0 };
      const limits = projectLimits(id, project, allowance, now);
      return { ...booked('project', name, id, allowance, now), limits, lengths };
    }),
  ];
  const changes = [...(allowance.changes?.values() ?? [])];
  const views = [...subjects, ...gone(subjects, changes)].map((subject) => view(subject, changes));
  return views.filter(({ limits }) => limits.length > 0).sort((a, b) => RANK[a.state] - RANK[b.state]);
}

const RANK = { exceeded: 0, warning: 1, ok: 2 } as const;

function names(limited: readonly string[], seen: Iterable<string>): string[] {
  return [...new Set([...limited, ...seen])];
}

/** With an entry on the pages of today. */
function namesOf(of: Holder, { books }: FleetAllowance, now: number): string[] {
  return [...(books.days.get(dayOf(now))?.[of].keys() ?? [])];
}

/** V1 */
function gone(subjects: readonly Subject[], changes: readonly LimitChange[]): Subject[] {
  const known = new Set(subjects.map(({ of, name }) => `${of}/${name}`));
  const others = changes.filter(({ of, name }) => !known.has(`${of}/${name}`));
  const different = new Map(others.map(({ of, name }) => [`${of}/${name}`, { of, name }]));
  return [...different.values()].map((one) => ({ ...one, limits: [], used: [], lengths: {} }));
}

function view({ of, name, limits, used, lengths }: Subject, changes: readonly LimitChange[]): AllowanceView {
  const its = changes.filter((one) => one.of === of && one.name === name);
  const counted = limits.filter(({ what }) => what !== 'cooldown').map(shownLimit);
  const timed = Object.entries(lengths).flatMap(([what, length]) => {
    const rest = limits.find((limit) => limit.what === what);
    const changed = its.find((one) => one.what === what);
    return length === 0 ? [] : [lengthOf(what as ChangeableLimit, length, rest, changed)];
  });
  const free = used.filter((use) => !counted.some((one) => measures(one, use))).map((use) => lifted(use, its));
  const shown = [...counted, ...timed, ...free];
  const unseen = its.filter((change) => !shown.some(({ changed }) => changed === change));
  const all = [...shown, ...unseen.map((changed): LimitView => ({ what: changed.what, state: 'ok', changed }))]; // V1
  return { of, name, state: worstOf(all.map(({ state }) => state)), limits: all };
}

function shownLimit({ of: _, name: __, key: ___, ...shown }: Limit): LimitView {
  return shown;
}

/** A rest has an end while it lasts. */
function lengthOf(what: ChangeableLimit, limit: number, rest: Limit | undefined, changed?: LimitChange): LimitView {
  const until = rest?.resets_at === undefined ? {} : { resets_at: rest.resets_at };
  return { what, limit, state: rest?.state ?? 'ok', ...until, ...(changed && { changed }) };
}

/** Somebody has taken the limit away. */
function lifted(use: LimitView, its: readonly LimitChange[]): LimitView {
  const changed = its.find(({ what, currency }) => what === use.what && currency === use.currency);
  return changed ? { ...use, changed } : use;
}

/** A ceiling has a name of its own for what is spent of one currency in a day. */
function measures(limit: LimitView, use: LimitView): boolean {
  return (limit.what === use.what || limit.what === 'cost_ceiling_usd') && limit.currency === use.currency;
}

function booked(of: Holder, name: string, account: string, { books }: FleetAllowance, now: number) {
  const { jobs, tokens, money } = spentBy(books, of, account, now);
  const use = (what: ChangeableLimit, amount: number, currency?: string): LimitView[] =>
    amount > 0 ? [{ what, used: amount, state: 'ok', ...(currency !== undefined && { currency }) }] : [];
  const requests = of === 'model' ? requestsOf(books, account, now) : 0;
  const used = [
    ...use('daily_jobs', jobs),
    ...use('hourly_requests', requests),
    ...use('daily_tokens', tokens),
    ...Object.entries(money).flatMap(([currency, sum]) => use('daily_cost', sum, currency)),
  ];
  return { of, name, used };
}
