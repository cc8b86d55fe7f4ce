import { keyOf, type ProjectId } from '../../../src/runtime/model/ids.ts';
import { isRefusal } from '../../../src/runtime/model/refusal.ts';
import { isLive, type Lease } from '../../../src/runtime/model/task.ts';
import type { AttemptEnd, NewTask } from '../../../src/runtime/ports.ts';
import { queueOf } from '../../../src/runtime/taskfile/layout.ts';
import { parseTask } from '../../../src/runtime/taskfile/parse.ts';
import type { Told } from './ledger.ts';
import { WISHES } from './limits.ts';
import type { Yard } from './yard.ts';

export type Act =
  | { readonly do: 'enqueue'; readonly count: number; readonly nth: number; readonly urgent: boolean }
  | { readonly do: 'end'; readonly nth: number; readonly told: Told; readonly early: boolean; readonly twice: boolean }
  | { readonly do: 'late'; readonly nth: number; readonly told: Told }
  | { readonly do: 'started' | 'cancel' | 'retry' | 'edit' | 'vanish'; readonly nth: number }
  | { readonly do: 'hold' | 'resume'; readonly nth: number }
  | { readonly do: 'checkpoint' };

const OWNER = { by: 'owner' } as const;
const RUNNER = { by: 'runner' } as const;

/** What people, runners and clients do while the dispatcher is at work. */
export class Actors {
  readonly #yard: Yard;
  #made = 0;

  constructor(yard: Yard) {
    this.#yard = yard;
  }

  async act(act: Act): Promise<unknown> {
    const { store } = this.#yard;
    switch (act.do) {
      case 'enqueue':
        return store.enqueue(
          Array.from({ length: act.count }, (_, i) => this.#task(act.nth + i, act.urgent)),
          OWNER,
        );
      case 'end':
        return this.#end(act);
      case 'late':
        return this.#late(act);
      case 'started': {
        const lease = this.#lease(act.nth);
        return lease && store.started(lease);
      }
      case 'cancel': {
        const task = pick([...store.open().values()], act.nth);
        return task && store.cancel({ project: task.project, id: task.id }, 'not wanted', OWNER);
      }
      case 'retry': {
        const task = pick([...store.open().values(), ...store.recentlyFinished()], act.nth);
        return task && store.retry({ project: task.project, id: task.id }, OWNER);
      }
      case 'edit':
      case 'vanish':
        return this.#touch(act.nth, act.do);
      case 'hold':
      case 'resume': {
        const project = pick(store.projects(), act.nth)?.id;
        const scope = project && act.nth % 3 > 0 ? ({ of: 'project', project } as const) : ({ of: 'fleet' } as const);
        if (act.do === 'resume') return store.resume(scope, OWNER);
        return store.hold(scope, { kind: 'pause', reason: 'wait', until: this.#yard.wall.now + 60_000 }, OWNER);
      }
      case 'checkpoint':
        return store.checkpoint();
    }
  }

  /** The newest lease of an attempt that lives. */
  #lease(nth: number): Lease | undefined {
    const { store } = this.#yard;
    const task = pick([...store.open().values()].filter(isLive), nth);
    if (!task) return undefined;
    const { project, id, attempt, token } = task;
    return { task: { project, id }, attempt, token, epoch: store.epoch };
  }

  /** `early`: its place is given back first. `twice`: whoever reports has forgotten that it did; the first word counts. */
  async #end({ nth, told, early, twice }: Extract<Act, { do: 'end' }>): Promise<void> {
    const { store, ledger } = this.#yard;
    const lease = this.#lease(nth);
    const attempt = lease && ledger.live.get(keyOf(lease.task));
    if (!lease || !attempt || attempt.told) return;
    attempt.told = told;
    if (early) this.#yard.freed(lease.task);
    const ends = [store.end(lease, this.#endOf(told), RUNNER)];
    if (twice)
      ends.push(store.end(lease, { kind: 'finished', outcome: { state: 'done', result: 'x', tokens: 7 } }, RUNNER));
    const [first, second] = await Promise.all(ends);
    if (first) this.#yard.wrong.push(`the end of ${lease.task.id} was refused: ${first.message}`);
    if (twice && !second) this.#yard.wrong.push(`${lease.task.id} ended twice`);
  }

  /** Of an attempt that is over, or with a token that is not its own. */
  async #late({ nth, told }: Extract<Act, { do: 'late' }>): Promise<void> {
    const { store, leases } = this.#yard;
    const old = pick(leases, nth);
    if (!old) return;
    const task = store.open().get(keyOf(old.task));
    const good = task && isLive(task) && task.token === old.token;
    const lease = good ? { ...old, token: `not ${old.token}` } : old;
    const refused = await store.end(lease, this.#endOf(told), RUNNER);
    if (!refused) this.#yard.wrong.push(`a late report of ${lease.task.id} counted`);
  }

  /** Its file is changed, or goes: the claim that meets that comes to nothing. */
  async #touch(nth: number, how: 'edit' | 'vanish'): Promise<void> {
    const { store, machine } = this.#yard;
    const task = pick(
      [...store.open().values()].filter(({ state }) => state === 'queued'),
      nth,
    );
    const path = task && machine.projects.find(({ id }) => id === task.project)?.path;
    if (!task || path === undefined) return;
    const file = queueOf(path).task(task.id);
    if ((await machine.files.stat(file)) === undefined) return;
    if (how === 'vanish') await machine.files.remove(file);
    else await machine.files.replace(file, Buffer.from(`---\ntitle: edited\n---\nmore ${++this.#made}\n`));
  }

  #task(nth: number, urgent: boolean): NewTask {
    const project = this.#yard.machine.projects[nth % 2]?.id as ProjectId;
    const { front, spec, title } = wished(nth % WISHES.length, urgent);
    const bytes = Buffer.from(`${front}n${++this.#made}\n`);
    return { project, spec, title, bytes, source: 'call', enqueued_by: 'client' };
  }

  #endOf(told: Told): AttemptEnd {
    if (told.how === 'void') return { kind: 'void', reason: 'it never began' };
    const { tokens = 0, usage, cents = 0, currency = 'USD', model } = told.report;
    const named = model === undefined ? {} : { model };
    const counted = usage ? { usage: usageOf(tokens) } : { tokens };
    const cost = { amount: cents / 100, currency };
    switch (told.how) {
      case 'done': {
        const key =
          currency === 'EUR' ? { cost } : currency === 'USD' ? { cost_usd: cost.amount } : { cost_cad: cost.amount };
        return { kind: 'finished', outcome: { state: 'done', result: 'x', ...named, ...counted, ...key } };
      }
      case 'failed': {
        const used = { ...named, ...counted, cost };
        return { kind: 'finished', outcome: { state: 'failed', error_class: 'crash', reason: 'x', used } };
      }
      case 'requeue': {
        const error = told.spent ? 'crash' : told.kept ? 'verify' : 'rate_limit';
        const used = { ...named, ...counted, cost };
        const not_before = this.#yard.wall.now + (told.spent ? 30_000 : 0);
        return { kind: 'requeue', class: error, reason: 'x', not_before, spent: told.spent, used };
      }
    }
  }
}

const known = new Map<string, { readonly front: string } & Pick<NewTask, 'spec' | 'title'>>();

/** Read once: all tasks of one wish differ in their text alone. */
function wished(nth: number, urgent: boolean) {
  const wish = WISHES[nth] ?? '';
  const front = [
    '---',
    'title: work',
    ...(urgent ? ['priority: critical'] : []),
    ...(wish ? [wish] : []),
    '---\n',
  ].join('\n');
  const there = known.get(front);
  if (there) return there;
  const parsed = parseTask(Buffer.from(`${front}work\n`));
  if (isRefusal(parsed)) throw new Error(parsed.message);
  const { spec, title } = parsed;
  const made = { front, spec, title };
  known.set(front, made);
  return made;
}

function usageOf(tokens: number) {
  const part = Math.floor(tokens / 4);
  return { input_tokens: tokens - 3 * part, output_tokens: part, cache_read_tokens: part, cache_write_tokens: part };
}

function pick<T>(all: readonly T[], nth: number): T | undefined {
  return all[nth % Math.max(1, all.length)];
}
