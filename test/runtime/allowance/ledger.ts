import { keyOf, type ProjectId, type TaskKey } from '../../../src/runtime/model/ids.ts';
import type { RunRoute } from '../../../src/runtime/model/route.ts';
import { isLive, type LiveTask, type OpenTask } from '../../../src/runtime/model/task.ts';
import type { Change } from '../../../src/runtime/ports.ts';
import type { FileStore } from '../../../src/runtime/store/file-store.ts';

/*
 * What the books have to say, kept by those who began and ended the work: nothing here reads the product's books. Money is
 * counted in whole cents.
 */

const HOUR = 3_600_000;
const PAGES = 4; // those nearest to the newest entry are kept, as the product promises

export interface Report {
  readonly tokens?: number;
  readonly usage?: boolean;
  readonly cents?: number;
  readonly currency?: 'USD' | 'CAD' | 'EUR';
  readonly model?: string;
}

/** What was asked of an attempt's end. */
export type Told =
  | { readonly how: 'done' | 'failed'; readonly report: Report }
  | { readonly how: 'requeue'; readonly report: Report; readonly spent: boolean; readonly kept: boolean }
  | { readonly how: 'void' };

export interface Attempt {
  readonly key: TaskKey;
  readonly project: ProjectId;
  readonly attempt: number;
  readonly route: RunRoute;
  readonly claimed_at: number;
  /** The first report that its lease was good for: it counts. */
  told: Told | undefined;
  /** A process, a pane or a job that still works, or may. */
  atWork: boolean;
  /** Somebody has its lease; before that the store may void it by itself. */
  begun: boolean;
}

export type Names = Readonly<Record<'agent' | 'model' | 'project', readonly string[]>>;

export interface Sum {
  jobs: number;
  tokens: number;
  cents: Record<string, number>;
}

export class Ledger {
  readonly live = new Map<TaskKey, Attempt>();
  readonly days = new Pages();
  readonly hours = new Pages();
  readonly failures = new Map<ProjectId, number>();
  /** Claims that were asked for and not answered. */
  readonly asked = new Map<TaskKey, { project: ProjectId; route: RunRoute }>();

  hear(changes: readonly Change[]): void {
    for (const { type, before, after, at } of changes) {
      if (!before) continue;
      const was = this.live.get(keyOf(before));
      if (type === 'task_claimed') this.#begin(after as LiveTask);
      else if (was && type === 'claim_void') this.#end(was, 'void', at);
      else if (was && type === 'task_requeued') this.#end(was, 'requeue', at);
      else if (was && type === 'task_finished') this.#end(was, (after as { state: EndState }).state, at);
    }
  }

  /** After a death: what was durable though nobody heard of it. */
  async learn(store: FileStore): Promise<void> {
    this.asked.clear();
    for (const attempt of [...this.live.values()]) await this.#look(store, attempt);
    for (const task of store.open().values()) {
      if (!isLive(task)) continue;
      if (this.live.get(keyOf(task))?.attempt !== task.attempt) this.#begin(task);
    }
  }

  async #look(store: FileStore, was: Attempt): Promise<void> {
    const [project, id] = was.key.split('/') as [ProjectId, OpenTask['id']];
    const now = await store.get({ project, id });
    if (!now) throw new Error(`law 1: ${was.key} is lost`);
    if ('finished_seq' in now) this.#end(was, now.state, now.finished_at);
    else if (!isLive(now) || now.attempt !== was.attempt)
      this.#end(was, was.told?.how === 'requeue' ? 'requeue' : 'void', now.changed_at);
    else {
      was.told = undefined; // nobody has heard it
      was.atWork = true;
    }
  }

  #begin(task: LiveTask): void {
    const { project, attempt, route, claimed_at } = task;
    const key = keyOf(task);
    const before = this.live.get(key);
    if (before) throw new Error(`law 2: ${key} began again while attempt ${before.attempt} was live`);
    const one: Attempt = { key, project, attempt, route, claimed_at, told: undefined, atWork: true, begun: false };
    this.asked.delete(key);
    this.live.set(key, one);
    this.#take(one, 1);
  }

  #end(was: Attempt, how: EndState | 'requeue' | 'void', at: number): void {
    const { told } = was;
    this.live.delete(was.key);
    const byItself = how === 'void' && !was.begun;
    if (how !== 'cancelled' && how !== told?.how && !byItself)
      throw new Error(`${was.key} ended as ${how}, told was ${told?.how}`);
    if (how === 'void') return this.#take(was, -1);
    if (how === 'cancelled' && told?.how === 'void') return this.#take(was, -1);
    if (!told || told.how === 'void') return;
    if (how === 'failed' || (told.how === 'requeue' && how === 'requeue' && told.spent))
      this.failures.set(was.project, at);
    if (told.how === 'requeue' && how === 'requeue' && !told.spent && !told.kept) this.#take(was, -1);
    this.#book(was, told.report, how === 'done' ? 1 : how === 'cancelled' ? 0 : 0.5, at);
  }

  #take(was: Attempt, by: 1 | -1): void {
    const day = this.days.at(dayOf(was.claimed_at), by === 1);
    const names = namesOf(was.project, was.route);
    if (day) for (const of of HOLDERS) for (const name of names[of]) sumOf(day, of, name).jobs += by;
    const hour = names.model.length > 0 ? this.hours.at(hourOf(was.claimed_at), by === 1) : undefined;
    if (hour) for (const name of names.model) sumOf(hour, 'model', name).jobs += by;
  }

  #book(was: Attempt, { tokens = 0, cents = 0, currency = 'USD', model }: Report, share: number, at: number): void {
    const counted = Math.ceil(tokens * share);
    if (counted === 0 && cents === 0) return;
    const day = this.days.at(dayOf(at), true);
    const names = namesOf(was.project, was.route, model);
    for (const of of HOLDERS)
      for (const name of names[of]) {
        const sum = sumOf(day as Page, of, name);
        sum.tokens += counted;
        if (cents > 0) sum.cents[currency] = (sum.cents[currency] ?? 0) + cents;
      }
  }
}

type EndState = 'done' | 'failed' | 'cancelled';
const HOLDERS = ['agent', 'model', 'project'] as const;

export type Page = Map<string, Sum>;

/** By day or by hour. */
export class Pages {
  readonly all = new Map<number, Page>();

  at(number: number, make: boolean): Page | undefined {
    const page = this.all.get(number) ?? (make ? new Map<string, Sum>() : undefined);
    if (!page) return undefined;
    this.all.set(number, page);
    const nearest = [...this.all.keys()].sort((a, b) => Math.abs(a - number) - Math.abs(b - number) || b - a);
    for (const far of nearest.slice(PAGES)) this.all.delete(far);
    return page;
  }

  look(number: number, of: keyof Names, name: string): Sum {
    return this.all.get(number)?.get(`${of}/${name}`) ?? { jobs: 0, tokens: 0, cents: {} };
  }
}

function sumOf(page: Page, of: keyof Names, name: string): Sum {
  const key = `${of}/${name}`;
  const sum = page.get(key) ?? { jobs: 0, tokens: 0, cents: {} };
  page.set(key, sum);
  return sum;
}

export function namesOf(project: ProjectId, route: RunRoute, reported?: string): Names {
  const model = route.model ?? reported;
  const agent = route.to === 'provider' ? [route.provider] : [...new Set([route.agent, route.program ?? route.agent])];
  return { agent, model: model === undefined ? [] : [model], project: [project] };
}

export function dayOf(at: number): number {
  return Math.floor(at / (24 * HOUR));
}

export function hourOf(at: number): number {
  return Math.floor(at / HOUR);
}
