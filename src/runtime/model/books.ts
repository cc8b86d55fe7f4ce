import type { ProjectId } from './ids.ts';
import type { RunRoute } from './route.ts';
import { isLive, type LiveTask, type OpenTask, type Outcome } from './task.ts';
import type { TaskEvent } from './transition.ts';
import type { Cost, Tokens } from './usage.ts';

/*
 * What was spent of each allowance: a fold of the journal, so a restart, a snapshot and a replay come to the same.
 *
 * B1. A start takes a job of its agent and of its project, and a request of its model.
 * B2. What an attempt reports is booked at its end: done, all of its tokens; failed, half of them, rounded up; cancelled,
 *     none. Money was really spent: it always counts, in the currency in which it was named.
 * B3. An attempt that never began gives job and request back. So does one that costs its task no attempt, because the
 *     service or its account turned it away; work that a check has refused, or that a person stopped, was a job.
 * B4. Each UTC day and hour has a page of its own, found by a record's time: a clock that jumps finds every page as it
 *     left it, so no day is opened anew and no booking is lost. A job is given back on the page where it was taken.
 * B5. Only the pages nearest to the newest record are kept, and on each only so many names.
 */

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const PAGES_KEPT = 4;
const NAMES_KEPT = 1_000; // services name their models as they like
const OTHERS = '(others)';
const LONGEST_NAME = 100;
const MOST = 1e15;

export interface Spent {
  readonly jobs: number;
  readonly tokens: number;
  /** By currency. */
  readonly money: Readonly<Record<string, number>>;
}

type Account = Map<string, Spent>;
export interface Page {
  readonly agent: Account;
  readonly model: Account;
  readonly project: Account;
}

export interface Books {
  readonly days: Map<number, Page>;
  /** Requests of each model. */
  readonly hours: Map<number, Map<string, number>>;
  /** When an attempt of a project failed last. */
  readonly failures: Map<ProjectId, number>;
}

export type ReadonlyBooks = {
  readonly days: ReadonlyMap<number, { readonly [K in keyof Page]: ReadonlyMap<string, Spent> }>;
  readonly hours: ReadonlyMap<number, ReadonlyMap<string, number>>;
  readonly failures: ReadonlyMap<ProjectId, number>;
};

export function dayOf(at: number): number {
  return Math.floor(at / DAY_MS);
}

export function hourOf(at: number): number {
  return Math.floor(at / HOUR_MS);
}

export function dayAfter(at: number): number {
  return (dayOf(at) + 1) * DAY_MS;
}

export function hourAfter(at: number): number {
  return (hourOf(at) + 1) * HOUR_MS;
}

/** The names on whose account an agent's or a provider's work goes: its own and, of a session, its program's. */
export function payers(route: RunRoute): readonly string[] {
  if (route.to === 'provider') return [route.provider];
  const { agent, program } = route;
  return program === undefined || program === agent ? [agent] : [agent, program];
}

export function emptyBooks(): Books {
  return { days: new Map(), hours: new Map(), failures: new Map() };
}

const NOTHING: Spent = { jobs: 0, tokens: 0, money: {} };

export function spentBy(books: ReadonlyBooks, of: keyof Page, name: string, now: number): Spent {
  return books.days.get(dayOf(now))?.[of].get(name) ?? NOTHING;
}

export function requestsOf(books: ReadonlyBooks, model: string, now: number): number {
  return books.hours.get(hourOf(now))?.get(model) ?? 0;
}

/** Books what an event has done to an open task; `before` is the task as it was, and the event was not stale. */
export function foldBooks(books: Books, before: OpenTask, event: TaskEvent, at: number): void {
  if (event.type === 'task_claimed') take(books, { project: before.project, route: event.route, claimed_at: at }, 1); // B1
  if (!isLive(before)) return;
  switch (event.type) {
    case 'claim_void':
      take(books, before, -1); // B3
      return;
    case 'task_requeued': {
      const { error_class, spent, used } = event;
      if (!spent && error_class !== 'verify' && error_class !== 'stopped') take(books, before, -1); // B3
      if (spent) books.failures.set(before.project, at);
      if (used) settle(books, before, used, 'failed', at);
      return;
    }
    case 'task_finished':
      if (event.outcome.state === 'cancelled' && event.outcome.never_began) take(books, before, -1); // B3
      settle(books, before, reportOf(event.outcome), event.outcome.state, at);
      if (event.outcome.state === 'failed') books.failures.set(before.project, at);
  }
}

type Taking = Pick<LiveTask, 'project' | 'route' | 'claimed_at'>;

/** A job that is given back is looked for where it was taken; a page that is gone has forgotten it (B4). */
function take(books: Books, { project, route, claimed_at }: Taking, by: 1 | -1): void {
  const { model } = route;
  const page = by === 1 ? pageOf(books.days, dayOf(claimed_at), newPage) : books.days.get(dayOf(claimed_at));
  if (page) {
    for (const name of payers(route)) add(page.agent, name, { jobs: by });
    add(page.project, project, { jobs: by });
    if (model !== undefined) add(page.model, model, { jobs: by });
  }
  if (model === undefined) return;
  const hour = by === 1 ? pageOf(books.hours, hourOf(claimed_at), newHour) : books.hours.get(hourOf(claimed_at));
  const key = hour && nameIn(hour, model);
  if (hour && key !== undefined) hour.set(key, Math.max(0, (hour.get(key) ?? 0) + by));
}

/** What an end says of its use, as it was named. */
export interface Report {
  readonly model?: string | undefined;
  readonly tokens?: number | undefined;
  readonly usage?: Tokens | undefined;
  readonly cost?: Cost | undefined;
  readonly cost_usd?: number | undefined;
  readonly cost_cad?: number | undefined;
}

export function reportOf(outcome: Outcome): Report {
  switch (outcome.state) {
    case 'done':
      return outcome;
    case 'failed':
      return { cost_usd: outcome.cost_usd, ...outcome.used };
    case 'cancelled':
      return outcome.used ?? {};
  }
}

/** B2 */
function settle(books: Books, { project, route }: LiveTask, report: Report, how: Outcome['state'], at: number): void {
  const whole = tokensOf(report);
  const tokens = how === 'done' ? whole : how === 'failed' ? Math.ceil(whole / 2) : 0;
  const money = moneyOf(report);
  if (tokens === 0 && Object.keys(money).length === 0) return;
  const page = pageOf(books.days, dayOf(at), newPage);
  for (const name of payers(route)) add(page.agent, name, { tokens, money });
  add(page.project, project, { tokens, money });
  const model = route.model ?? report.model; // limits are for the name that was asked for
  if (model !== undefined) add(page.model, model, { tokens, money });
}

export function tokensOf({ tokens, usage }: Report): number {
  if (tokens !== undefined) return amountOf(tokens);
  return usage ? Object.values(usage).reduce((sum, part) => sum + amountOf(part), 0) : 0;
}

/** What is said twice in one currency is one sum. */
export function moneyOf({ cost_usd, cost_cad, cost }: Report): Record<string, number> {
  const said = { USD: cost_usd, CAD: cost_cad, ...(cost && { [cost.currency]: cost.amount }) };
  const sums = Object.entries(said).map(([currency, sum]) => [currency, amountOf(sum)] as const);
  return Object.fromEntries(sums.filter(([, sum]) => sum > 0));
}

/** Numbers of strangers: beyond all sense they are cut, so that no sum of them comes to infinity, which no file can hold. */
export function amountOf(given: number | undefined): number {
  return given !== undefined && Number.isFinite(given) && given > 0 ? Math.min(given, MOST) : 0;
}

function add(account: Account, name: string, more: Partial<Spent>): void {
  const key = nameIn(account, name);
  const { jobs, tokens, money } = account.get(key) ?? NOTHING;
  const sums = { ...money };
  for (const [currency, sum] of Object.entries(more.money ?? {})) sums[currency] = exact((sums[currency] ?? 0) + sum);
  const now = { jobs: Math.max(0, jobs + (more.jobs ?? 0)), tokens: tokens + (more.tokens ?? 0), money: sums };
  account.set(key, now);
}

/** Ten times a tenth is one: limits are compared with these. */
function exact(sum: number): number {
  return Math.round(sum * 1e9) / 1e9;
}

/** B5 */
function nameIn(names: ReadonlyMap<string, unknown>, name: string): string {
  const short = name.slice(0, LONGEST_NAME);
  return names.has(short) || names.size < NAMES_KEPT ? short : OTHERS;
}

const newPage = (): Page => ({ agent: new Map(), model: new Map(), project: new Map() });
const newHour = () => new Map<string, number>();

/** B4, B5 */
function pageOf<P>(pages: Map<number, P>, number: number, make: () => P): P {
  const known = pages.get(number);
  if (known) return known;
  const page = make();
  pages.set(number, page);
  while (pages.size > PAGES_KEPT) {
    const [farthest = number] = [...pages.keys()].sort((a, b) => Math.abs(b - number) - Math.abs(a - number) || a - b);
    pages.delete(farthest);
  }
  return page;
}

/** Plain data of its own, for a snapshot; `readBooks` makes books of it again. */
export function writeBooks({ days, hours, failures }: ReadonlyBooks) {
  return {
    days: [...days].map(([day, { agent, model, project }]) => ({
      day,
      ...{ agent: [...agent], model: [...model], project: [...project] },
    })),
    hours: [...hours].map(([hour, requests]) => ({ hour, requests: [...requests] })),
    failures: [...failures],
  };
}

export function readBooks(written: ReturnType<typeof writeBooks> | undefined): Books {
  const books = emptyBooks();
  for (const { day, agent, model, project } of written?.days ?? [])
    books.days.set(day, { agent: new Map(agent), model: new Map(model), project: new Map(project) });
  for (const { hour, requests } of written?.hours ?? []) books.hours.set(hour, new Map(requests));
  for (const [project, at] of written?.failures ?? []) books.failures.set(project, at);
  return books;
}
