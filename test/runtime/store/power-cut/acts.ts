import { isDeepStrictEqual } from 'node:util';
import { keyOf, type ProjectId, TaskId, type TaskRef } from '../../../../src/runtime/model/ids.ts';
import { isRefusal, type Refusal } from '../../../../src/runtime/model/refusal.ts';
import type { RunRoute } from '../../../../src/runtime/model/route.ts';
import { isLive, type Lease, type OpenTask } from '../../../../src/runtime/model/task.ts';
import type { AttemptEnd, Enqueued, NewTask } from '../../../../src/runtime/ports.ts';
import { queueOf } from '../../../../src/runtime/taskfile/layout.ts';
import { parseTask } from '../../../../src/runtime/taskfile/parse.ts';
import type { Entry, Ledger } from './ledger.ts';
import type { Machine } from './machine.ts';

export type Act =
  | {
      readonly do: 'enqueue';
      readonly count: number;
      readonly size: number;
      readonly after?: number;
      readonly key?: boolean;
    }
  | { readonly do: 'drop'; readonly size: number; readonly synced: boolean }
  | { readonly do: 'clash' }
  | { readonly do: 'repeat'; readonly nth: number }
  | { readonly do: 'claim'; readonly nth: number; readonly where: 'agent' | 'provider' }
  | { readonly do: 'started' | 'stale'; readonly nth: number }
  | { readonly do: Ending; readonly nth: number }
  | { readonly do: 'cancel' | 'retry' | 'restore'; readonly nth: number }
  | { readonly do: 'checkpoint' };

export type Ending = 'finish' | 'fail' | 'requeue' | 'void';

interface Call {
  readonly tasks: readonly NewTask[];
  reply: readonly (Enqueued | Refusal)[] | undefined;
}

const ROUTES: Record<'agent' | 'provider', RunRoute> = {
  agent: { to: 'agent', agent: 'worker', kind: 'command', rules: [] },
  provider: { to: 'provider', provider: 'gpu', rules: [] },
};
const RUNNER = { by: 'runner' } as const;

/** People, clients and runners: what they do to the store, and what they were told. */
export class Actors {
  readonly calls = new Map<string, Call>();
  readonly #machine: Machine;
  readonly #ledger: Ledger;
  #count = 0;

  constructor(machine: Machine, ledger: Ledger) {
    this.#machine = machine;
    this.#ledger = ledger;
  }

  async act(act: Act): Promise<void> {
    switch (act.do) {
      case 'enqueue':
        return this.#enqueue(act);
      case 'drop':
        return this.#drop(act);
      case 'clash':
        return this.#clash();
      case 'repeat': {
        const call = [...this.calls.keys()][act.nth % Math.max(1, this.calls.size)];
        return call === undefined ? undefined : this.call(call);
      }
      case 'claim':
        return this.#claim(act);
      case 'started':
        return this.#report(act.nth, async (lease) => this.#machine.store.started(lease));
      case 'stale':
        return this.#stale(act.nth);
      case 'finish':
      case 'fail':
      case 'requeue':
      case 'void':
        return this.#report(act.nth, (lease, entry) => this.end(entry, lease, act.do));
      case 'cancel':
        return this.#about(act.nth, ({ ref }) => this.#machine.store.cancel(ref, 'not wanted', { by: 'owner' }));
      case 'retry':
        return this.#about(act.nth, ({ ref, wish }) => {
          wish.retries++;
          return this.#machine.store.retry(ref, { by: 'owner' });
        });
      case 'restore': {
        const entry = pick(this.#ledger.all(), act.nth);
        if (entry) this.#machine.store.restore(entry.ref);
        return;
      }
      case 'checkpoint':
        await this.#machine.store.checkpoint().catch(() => undefined);
        return;
    }
  }

  /** The call as its client makes it, for the first time or again. */
  async call(name: string): Promise<void> {
    const call = this.calls.get(name);
    if (!call) return;
    const reply = await this.#machine.store.enqueue(call.tasks, { by: 'owner', call: name });
    if (call.reply && !isDeepStrictEqual(plain(call.reply), plain(reply)))
      throw new Broken(`the call ${name} was answered ${JSON.stringify(call.reply)}, and now ${JSON.stringify(reply)}`);
    call.reply = reply;
    for (const answer of reply)
      if (isRefusal(answer)) throw new Broken(`refused: ${answer.message}`);
      else if (!this.#machine.store.open().has(`${answer.ref.project}/${answer.ref.id}`))
        if (!(await this.#machine.store.get(answer.ref)))
          throw new Broken(`law 1: ${answer.ref.id} was acknowledged and is not there`);
  }

  /** Calls that nobody answered. */
  async callAgain(): Promise<void> {
    for (const [name, { reply }] of this.calls) if (!reply) await this.call(name);
  }

  async #enqueue({ count, size, after, key }: Extract<Act, { do: 'enqueue' }>): Promise<void> {
    const name = `client:${++this.#count}`;
    const tasks: NewTask[] = [];
    for (let i = 0; i < count; i++) {
      const on = after === undefined ? undefined : pick(this.#ledger.all(), after);
      const keyed = key ? `idempotency_key: key-${this.#count}-${i}\n` : '';
      tasks.push(this.#newTask({ size, on: on?.ref, keyed }));
    }
    this.calls.set(name, { tasks, reply: undefined });
    await this.call(name);
  }

  async #drop({ size, synced }: Extract<Act, { do: 'drop' }>): Promise<void> {
    const task = { ...this.#newTask({ size }), source: 'drop' as const, id: TaskId.parse(`drop-${this.#count}`) };
    const { files, store } = this.#machine;
    const paths = queueOf(this.#folder(task.project));
    if ((await files.create(paths.task(task.id), task.bytes)) === 'exists') return;
    if (synced) {
      await files.sync(paths.task(task.id));
      await files.syncDir(paths.inbox);
    }
    const [answer] = await store.enqueue([task], { by: 'drop' });
    if (!answer || isRefusal(answer)) throw new Broken(`a drop was refused: ${answer?.message}`);
  }

  /** While a call gets an id, somebody drops a file of that very name. */
  async #clash(): Promise<void> {
    const id = TaskId.parse(`clash-${++this.#count}`);
    const call = { ...this.#newTask({ size: 10 }), id };
    const stranger = this.#newTask({ size: 20, project: call.project });
    const { files } = this.#machine;
    const paths = queueOf(this.#folder(call.project));
    const name = `client:${this.#count}`;
    this.calls.set(name, { tasks: [call], reply: undefined });
    const calling = this.call(name);
    const dropping = files.create(paths.task(id), stranger.bytes).then(async () => {
      await files.sync(paths.task(id));
      await files.syncDir(paths.inbox);
    });
    await Promise.allSettled([calling, dropping]);
    await calling;
  }

  async #claim({ nth, where }: Extract<Act, { do: 'claim' }>): Promise<void> {
    const queued = this.#ledger.all().filter(({ seen }) => seen.state === 'queued');
    const entry = pick(queued, nth);
    if (!entry) return;
    this.#ledger.touch(entry.ref);
    const claimed = await this.#surely(
      entry,
      this.#machine.store.claim(entry.ref, ROUTES[where], { by: 'dispatcher' }),
    );
    if (isRefusal(claimed)) {
      const now = this.#machine.store.open().get(keyOf(entry.ref));
      if (now && isLive(now) && !entry.attempts.has(now.attempt)) entry.goesBack = now.attempt;
      return;
    }
    const { attempt } = claimed.lease;
    if (entry.attempts.has(attempt))
      throw new Broken(`law 2: attempt ${attempt} of ${entry.ref.id} was given out twice`);
    if (Buffer.compare(claimed.bytes, entry.wish.text) !== 0) throw new Broken(`${entry.ref.id} runs another text`);
    if (entry.goesBack === attempt) delete entry.goesBack;
    entry.attempts.add(attempt);
    entry.leases.push(claimed.lease);
  }

  #report(nth: number, report: (lease: Lease, entry: Entry) => Promise<unknown>): Promise<void> {
    const live = this.#ledger.all().filter(({ seen }) => isLive(seen as OpenTask));
    const entry = pick(live, nth);
    const lease = entry && leaseOf(entry, this.#machine.store.epoch);
    if (!entry || !lease) return Promise.resolve();
    this.#ledger.touch(entry.ref);
    return this.#surely(entry, report(lease, entry)).then(() => undefined);
  }

  async end(entry: Entry, lease: Lease, how: Ending): Promise<void> {
    this.#ledger.touch(entry.ref);
    const result = `result ${++this.#count}.`;
    if (how === 'finish' || how === 'fail') entry.reported.push(result);
    const refused = await this.#surely(
      entry,
      this.#machine.store.end(lease, endOf(how, result, this.#machine.now()), RUNNER),
    );
    if (refused) return;
    const now = this.#machine.store.open().get(`${entry.ref.project}/${entry.ref.id}`);
    if (now && isLive(now) && now.attempt === lease.attempt)
      throw new Broken(`law 3: ${entry.ref.id} goes on after its acknowledged ${how}`);
    if (how === 'finish' || how === 'fail') entry.result ??= result;
  }

  /** An old lease is refused, whatever it says. */
  async #stale(nth: number): Promise<void> {
    const old = this.#ledger
      .all()
      .flatMap((entry) =>
        entry.leases
          .filter(({ attempt }) => !isLive(entry.seen as OpenTask) || attempt < (entry.seen as OpenTask).attempt)
          .map((lease) => ({ entry, lease })),
      );
    const one = pick(old, nth);
    if (!one || one.entry.touched) return;
    const answer = await this.#machine.store.end(one.lease, endOf('finish', 'too late', 0), RUNNER);
    if (!answer) throw new Broken(`law 2: attempt ${one.lease.attempt} of ${one.entry.ref.id} still counted`);
  }

  #about(nth: number, ask: (entry: Entry) => Promise<unknown>): Promise<void> {
    const entry = pick(this.#ledger.all(), nth);
    if (!entry) return Promise.resolve();
    this.#ledger.touch(entry.ref);
    return this.#surely(entry, ask(entry)).then(() => undefined);
  }

  /** Without an answer nobody knows what became of it. */
  async #surely<T>(entry: Entry, asked: Promise<T>): Promise<T> {
    const sure = entry.unsure;
    entry.unsure = true;
    const answer = await asked;
    entry.unsure = sure;
    return answer;
  }

  #newTask(about: { size: number; on?: TaskRef | undefined; keyed?: string; project?: ProjectId }): NewTask {
    const mark = `n${++this.#count}`;
    const project = about.on?.project ?? about.project ?? this.#machine.projects[this.#count % 2]?.id;
    if (!project) throw new Error('no project');
    const depends = about.on ? `depends_on: [${about.on.id}]\n` : '';
    const front = `---\ntitle: some work\ngroup: ${mark}\n${depends}${about.keyed ?? ''}---\n`;
    const bytes = Buffer.from(`${front}${mark} ${'x'.repeat(about.size)}\n`);
    const parsed = parseTask(bytes);
    if (isRefusal(parsed)) throw new Error(parsed.message);
    this.#ledger.wish(mark, bytes, about.on ? [about.on] : []);
    return { project, spec: parsed.spec, title: parsed.title, bytes, source: 'call', enqueued_by: 'client' };
  }

  #folder(project: ProjectId): string {
    const path = this.#machine.projects.find(({ id }) => id === project)?.path;
    if (path === undefined) throw new Error('no project');
    return path;
  }
}

/** A law was broken; never to be taken for a failing disk. */
export class Broken extends Error {}

export function leaseOf(entry: Entry, epoch: string): Lease | undefined {
  const task = entry.seen as OpenTask;
  return isLive(task) ? { task: entry.ref, attempt: task.attempt, epoch, token: task.token } : undefined;
}

function endOf(how: Ending, result: string, now: number): AttemptEnd {
  switch (how) {
    case 'finish':
      return { kind: 'finished', outcome: { state: 'done', result } };
    case 'fail':
      return { kind: 'finished', outcome: { state: 'failed', error_class: 'crash', reason: result } };
    case 'requeue':
      return { kind: 'requeue', class: 'crash', reason: 'it died', not_before: now, spent: true };
    case 'void':
      return { kind: 'void', reason: 'it never began' };
  }
}

function pick<T>(all: readonly T[], nth: number): T | undefined {
  return all[nth % Math.max(1, all.length)];
}

function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
