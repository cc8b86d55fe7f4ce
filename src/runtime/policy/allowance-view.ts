import type { AllowanceView, Holder, LimitName, LimitView } from '../model/allowance.ts';
import { dayOf, requestsOf, spentBy } from '../model/books.ts';
import type { Fleet, FleetAllowance } from '../model/fleet.ts';
import type { ProjectId } from '../model/ids.ts';
import { agentLimits, type Limit, modelLimits, projectLimits, worstOf } from './allowance.ts';

/** What is limited, and what was used today though nothing limits it; the worst first. */
export function allowanceView(
  { allowance, projects }: Fleet,
  projectName: (id: ProjectId) => string,
  now: number,
): AllowanceView[] {
  if (!allowance) return [];
  const today = (of: Holder) => namesOf(of, allowance, now);
  const views = [
    ...names(Object.keys(allowance.agents), today('agent')).map((name) =>
      view('agent', name, agentLimits(name, allowance, now), used('agent', name, allowance, now)),
    ),
    ...names(Object.keys(allowance.models), today('model')).map((name) =>
      view('model', name, modelLimits(name, allowance, now), used('model', name, allowance, now)),
    ),
    ...[...projects].map(([id, project]) =>
      view('project', projectName(id), projectLimits(id, project, allowance, now), used('project', id, allowance, now)),
    ),
  ];
  return views.filter(({ limits }) => limits.length > 0).sort((a, b) => RANK[a.state] - RANK[b.state]);
}

const RANK = { exceeded: 0, warning: 1, ok: 2 } as const;

function names(configured: readonly string[], seen: Iterable<string>): string[] {
  return [...new Set([...configured, ...seen])];
}

/** With an entry on the pages of today. */
function namesOf(of: Holder, { books }: FleetAllowance, now: number): string[] {
  return [...(books.days.get(dayOf(now))?.[of].keys() ?? [])];
}

function view(of: Holder, name: string, limits: readonly Limit[], uses: readonly LimitView[]): AllowanceView {
  const limited = limits.map(({ name: _, key: __, ...shown }): LimitView => shown);
  const free = uses.filter((use) => !limited.some((one) => measures(one, use)));
  const all = [...limited, ...free];
  return { of, name, state: worstOf(all.map(({ state }) => state)), limits: all };
}

/** A ceiling has a name of its own for what is spent of one currency in a day. */
function measures(limit: LimitView, use: LimitView): boolean {
  return (limit.what === use.what || limit.what === 'cost_ceiling_usd') && limit.currency === use.currency;
}

function used(of: Holder, name: string, { books }: FleetAllowance, now: number): LimitView[] {
  const { jobs, tokens, money } = spentBy(books, of, name, now);
  const use = (what: LimitName, amount: number, currency?: string): LimitView[] =>
    amount > 0 ? [{ what, used: amount, state: 'ok', ...(currency !== undefined && { currency }) }] : [];
  const requests = of === 'model' ? requestsOf(books, name, now) : 0;
  return [
    ...use('daily_jobs', jobs),
    ...use('hourly_requests', requests),
    ...use('daily_tokens', tokens),
    ...Object.entries(money).flatMap(([currency, sum]) => use('daily_cost', sum, currency)),
  ];
}
