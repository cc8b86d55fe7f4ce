import { isDeepStrictEqual } from 'node:util';
import { type ReadonlyBooks, writeBooks } from '../../../src/runtime/model/books.ts';
import { keyOf, type ProjectId, type TaskRef } from '../../../src/runtime/model/ids.ts';
import type { RunRoute } from '../../../src/runtime/model/route.ts';
import { isLive } from '../../../src/runtime/model/task.ts';
import { type Attempt, dayOf, hourOf, type Ledger, type Names, namesOf, type Page, type Sum } from './ledger.ts';
import { ALLOWANCE } from './limits.ts';
import type { Yard } from './yard.ts';

/* What must hold, said once more in plain sums: by the ledger, and by no code of the product. */

interface Limits {
  readonly daily_jobs?: number;
  readonly daily_tokens?: number;
  readonly concurrent_jobs?: number;
  readonly hourly_requests?: number;
  readonly cost_ceiling_usd?: number;
  readonly daily_cost?: { readonly amount: number; readonly currency: string };
  readonly cooldown?: number;
}

/** Why a task should not have begun. */
export function mayBegin(ledger: Ledger, ref: TaskRef, route: RunRoute, now: number): string[] {
  const names = namesOf(ref.project, route);
  const wrong: string[] = [];
  const mustBeLeft = (what: string, used: number, limit: number | undefined) => {
    if (limit !== undefined && used >= limit) wrong.push(`${keyOf(ref)} began with ${used} of ${limit} ${what}`);
  };
  for (const [of, name] of each(names)) {
    const its = limitsOf(of, name);
    const sum = ledger.days.look(dayOf(now), of, name);
    const asked = [...ledger.asked.values()].filter((one) => isFor(namesOf(one.project, one.route), of, name)).length;
    mustBeLeft(`daily_jobs of ${name}`, sum.jobs + asked, its.daily_jobs);
    mustBeLeft(`daily_tokens of ${name}`, sum.tokens, its.daily_tokens);
    mustBeLeft(`daily_cost of ${name}`, spent(sum, its.daily_cost?.currency), cents(its.daily_cost?.amount));
    mustBeLeft(`cost_ceiling_usd of ${name}`, spent(sum, 'USD'), cents(its.cost_ceiling_usd));
    mustBeLeft(`concurrent_jobs of ${name}`, atWork(ledger, of, name) + asked, its.concurrent_jobs);
    const hour = of === 'model' ? ledger.hours.look(hourOf(now), of, name).jobs : 0;
    mustBeLeft(`hourly_requests of ${name}`, hour + asked, its.hourly_requests);
    const failed_at = ledger.failures.get(name as ProjectId);
    if (its.cooldown !== undefined && failed_at !== undefined && now >= failed_at && now < failed_at + its.cooldown)
      wrong.push(`${keyOf(ref)} began ${now - failed_at} ms after a failure`);
  }
  const allowed: readonly string[] | undefined = names.agent.includes('claude')
    ? ALLOWANCE.agents.claude.models
    : undefined;
  if (allowed && !allowed.includes(route.model ?? 'none')) wrong.push(`${keyOf(ref)} began with ${route.model}`);
  return wrong;
}

/** What the books, the load and the ledger say when nothing is under way. */
export function compare(yard: Yard): string[] {
  const { store, ledger, life } = yard;
  const books = store.books();
  return [
    ...yard.wrong,
    ...sameDays(books, ledger),
    ...sameHours(books, ledger),
    ...sameFailures(books, ledger),
    ...withinLimits(ledger),
    ...sameLoad(yard, life.load.allowance),
    ...sameFold(books, yard.told.books),
  ];
}

/** Whether they were read from a snapshot or told by every record from the first on. */
function sameFold(books: ReadonlyBooks, told: ReadonlyBooks): string[] {
  const [are, were] = [written(books), written(told)];
  return are === were ? [] : [`the books are\n${are}\nthe journal tells\n${were}`];
}

export function written(books: ReadonlyBooks): string {
  const { days, hours, failures } = writeBooks(books);
  return JSON.stringify({ days: sorted(days), hours: sorted(hours), failures: sorted(failures) }, null, 1);
}

function sorted<T>(all: readonly T[]): T[] {
  return [...all].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

function sameDays(books: ReadonlyBooks, ledger: Ledger): string[] {
  const wrong: string[] = [];
  if (!isDeepStrictEqual([...books.days.keys()].sort(), [...ledger.days.all.keys()].sort()))
    wrong.push(`the books have the days ${[...books.days.keys()]}, the ledger ${[...ledger.days.all.keys()]}`);
  for (const [day, page] of books.days)
    for (const of of ['agent', 'model', 'project'] as const)
      for (const name of new Set([...page[of].keys(), ...namesOn(ledger.days.all.get(day), of)])) {
        const { jobs = 0, tokens = 0, money = {} } = page[of].get(name) ?? {};
        const said = { jobs, tokens, cents: inCents(money) };
        const is = ledger.days.look(day, of, name);
        if (!isDeepStrictEqual(said, { ...is, cents: { ...is.cents } }))
          wrong.push(`day ${day}, ${of} ${name}: the books say ${JSON.stringify(said)}, it was ${JSON.stringify(is)}`);
      }
  return wrong;
}

function sameHours(books: ReadonlyBooks, ledger: Ledger): string[] {
  const wrong: string[] = [];
  for (const hour of new Set([...books.hours.keys(), ...ledger.hours.all.keys()])) {
    const page = books.hours.get(hour);
    for (const name of new Set([...(page?.keys() ?? []), ...namesOn(ledger.hours.all.get(hour), 'model')])) {
      const is = ledger.hours.look(hour, 'model', name).jobs;
      if ((page?.get(name) ?? 0) !== is) wrong.push(`hour ${hour}, ${name}: ${page?.get(name)} requests, not ${is}`);
    }
  }
  return wrong;
}

function sameFailures(books: ReadonlyBooks, ledger: Ledger): string[] {
  const [said, is] = [new Map(books.failures), new Map(ledger.failures)];
  return isDeepStrictEqual(said, is) ? [] : [`failures: the books say ${[...said]}, it was ${[...is]}`];
}

function withinLimits({ days, hours }: Ledger): string[] {
  const wrong: string[] = [];
  for (const [number, page, limit] of [
    ...[...days.all].map(([day, page]) => [day, page, 'daily_jobs'] as const),
    ...[...hours.all].map(([hour, page]) => [hour, page, 'hourly_requests'] as const),
  ])
    for (const [key, { jobs }] of page) {
      const [of, name = ''] = key.split('/');
      const most = limitsOf(of as keyof Names, name)[limit];
      if (jobs < 0) wrong.push(`${jobs} jobs of ${key} in ${number}`);
      if (most !== undefined && jobs > most) wrong.push(`${jobs} of ${most} ${limit} of ${key} in ${number}`);
    }
  return wrong;
}

/** What is at work by the load is at work, no more and no less; claims have all been answered. */
function sameLoad({ store, ledger }: Yard, load: Yard['life']['load']['allowance']): string[] {
  const wrong: string[] = [];
  const working = [...ledger.live.values()].filter(({ atWork: at }) => at);
  const counts = new Map<string, number>();
  for (const { project, route } of working)
    for (const name of namesOf(project, route).agent) counts.set(name, (counts.get(name) ?? 0) + 1);
  if (!isDeepStrictEqual(new Map(load.at_work), counts))
    wrong.push(`the load says ${JSON.stringify([...load.at_work])} are at work: ${JSON.stringify([...counts])}`);
  for (const [of, claims] of Object.entries(load.claims))
    if (claims.size > 0) wrong.push(`claims of ${of} are under way: ${JSON.stringify([...claims])}`);
  for (const [name, count] of counts) {
    const most = limitsOf('agent', name).concurrent_jobs;
    if (most !== undefined && count > most) wrong.push(`${count} of ${most} jobs of ${name} at work`);
  }
  const live = [...store.open().values()].filter(isLive).length;
  if (live !== ledger.live.size) wrong.push(`${live} attempts are live, the ledger knows ${ledger.live.size}`);
  return wrong;
}

function atWork({ live }: Ledger, of: keyof Names, name: string): number {
  const those = (one: Attempt) => one.atWork && isFor(namesOf(one.project, one.route), of, name);
  return [...live.values()].filter(those).length;
}

function limitsOf(of: keyof Names, name: string): Limits {
  const section: Readonly<Record<string, Limits>> = ALLOWANCE[`${of}s`];
  return section[of === 'project' ? (PROJECTS.get(name) ?? '') : name] ?? {};
}

/** Their configured names, by id. */
export const PROJECTS = new Map<string, string>();

function each(names: Names): (readonly [keyof Names, string])[] {
  const holders = Object.keys(names) as (keyof Names)[];
  return holders.flatMap((of) => names[of].map((name) => [of, name] as const));
}

function isFor(names: Names, of: keyof Names, name: string): boolean {
  return names[of].includes(name);
}

function namesOn(page: Page | undefined, of: keyof Names): string[] {
  return [...(page?.keys() ?? [])].flatMap((key) => (key.startsWith(`${of}/`) ? [key.slice(of.length + 1)] : []));
}

function inCents(money: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(money).map(([currency, sum]) => [currency, Math.round(sum * 1e6) / 1e4]));
}

function cents(amount: number | undefined): number | undefined {
  return amount === undefined ? undefined : Math.round(amount * 100);
}

function spent(sum: Sum, currency: string | undefined): number {
  return (currency !== undefined && sum.cents[currency]) || 0;
}
