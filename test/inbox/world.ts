import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { InboxNote } from '../../src/runtime/inbox/context.ts';
import { Inbox } from '../../src/runtime/inbox/inbox.ts';
import { procWriters } from '../../src/runtime/io/open-writers.ts';
import { Config } from '../../src/runtime/model/config.ts';
import { keyOf, ProjectId, TaskId, type TaskRef } from '../../src/runtime/model/ids.ts';
import { type Refusal, refuse } from '../../src/runtime/model/refusal.ts';
import type { OpenTask } from '../../src/runtime/model/task.ts';
import { type FinishedTask, QueuedTask } from '../../src/runtime/model/task.ts';
import type { Clock, Enqueued, Files, NewTask, TaskStore, Watcher } from '../../src/runtime/ports.ts';
import { queueOf } from '../../src/runtime/taskfile/layout.ts';
import { disk } from './disk.ts';

/** Real time that a test may put forward. */
export class SkippingClock implements Clock {
  #ahead = 0;
  readonly #timers = new Set<{ at: number; run: () => void }>();

  now(): number {
    return Date.now() + this.#ahead;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.now() + ms, run };
    this.#timers.add(timer);
    const real = setTimeout(() => this.#fire(timer), ms).unref();
    return () => {
      this.#timers.delete(timer);
      clearTimeout(real);
    };
  }

  get pending(): number {
    return this.#timers.size;
  }

  skip(ms: number): void {
    this.#ahead += ms;
    for (const timer of [...this.#timers]) if (timer.at <= this.now()) this.#fire(timer);
  }

  #fire(timer: { at: number; run: () => void }): void {
    if (this.#timers.delete(timer)) timer.run();
  }
}

/** A store in memory: just enough for an inbox to talk to. */
export class MemoryStore {
  readonly tasks = new Map<string, OpenTask>();
  readonly finished = new Map<string, FinishedTask>();
  readonly rejections: { name: string; failed_as: string; reason: string; size: number }[] = [];
  readonly cancelled: string[] = [];
  readonly batches: number[] = [];
  refuseNext: Refusal | undefined;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  open = () => this.tasks;
  get = async (ref: TaskRef) => this.tasks.get(keyOf(ref)) ?? this.finished.get(keyOf(ref));
  rejected = async (_project: ProjectId, drop: MemoryStore['rejections'][number]) => void this.rejections.push(drop);

  enqueue = async (tasks: readonly NewTask[]): Promise<(Enqueued | Refusal)[]> => {
    this.batches.push(tasks.length);
    return tasks.map((task) => this.refuseNext ?? this.add(task));
  };

  cancel = async (ref: TaskRef) => {
    this.tasks.delete(keyOf(ref));
    this.cancelled.push(ref.id);
    return { state: 'cancelled' as const, note: '' };
  };

  add(task: NewTask): Enqueued | Refusal {
    const ref = { project: task.project, id: task.id ?? TaskId.parse('made') };
    if (this.tasks.has(keyOf(ref)) || this.finished.has(keyOf(ref))) return refuse('id_taken', 'taken', '');
    const key = task.spec.idempotency_key;
    const same = [...this.tasks.values()].find((other) => key && other.spec.idempotency_key === key);
    if (same) return { ref: same, state: same.state, created: false };
    this.tasks.set(keyOf(ref), queued(task, ref, this.#clock.now()));
    return { ref, state: 'queued', created: true };
  }

  ids(): string[] {
    return [...this.tasks.values()].map((task) => task.id).sort();
  }
}

export const sha = (bytes: string | Uint8Array) => createHash('sha256').update(bytes).digest('hex');

function queued(task: NewTask, ref: TaskRef, now: number): OpenTask {
  return QueuedTask.parse({
    ...ref,
    ...{ state: 'queued', seq: 1, queued_at: now, changed_at: now, changed_seq: 1, spec: task.spec, title: 't' },
    ...{
      sha: sha(task.bytes),
      size: task.bytes.length,
      body: { segment: '', seq: 0, offset: 0, length: 0 },
      source: task.source,
    },
    ...{ enqueued_by: task.enqueued_by, depth: 0, attempt: 0, spent: 0, waits_for: [] },
  });
}

/** A project in a fresh folder with its inbox. */
export function world(options: { watcher?: Watcher; takesOlderDrops?: boolean; config?: object } = {}) {
  const path = mkdtempSync(join(tmpdir(), 'ym-inbox-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  const queue = queueOf(path);
  for (const dir of [queue.inbox, queue.doneDir, queue.failedDir]) mkdirSync(dir, { recursive: true });
  writeFileSync(queue.projectFile, '{}');
  const clock = new SkippingClock();
  const store = new MemoryStore(clock);
  const config = Config.parse({ checks: { test: ['npm', 'test'] }, ...options.config });
  const project = { id: ProjectId.parse('p_0123456789ab'), path, name: 'shop', adopted_at: clock.now() };
  const seen = { restored: [] as string[], edited: [] as string[], notes: [] as InboxNote[] };
  const context = {
    ...{ project, queue, clock, files: disk as Files, writers: procWriters, store: store as unknown as TaskStore },
    admit: store.enqueue.bind(store) as unknown as TaskStore['enqueue'],
    config: () => config,
    rules: () => ({ checks: new Set(Object.keys(config.checks)), callbacks: config.callbacks }),
    takesOlderDrops: options.takesOlderDrops ?? true,
    restore: (ref: TaskRef) => void seen.restored.push(ref.id),
    edited: (ref: TaskRef) => void seen.edited.push(ref.id),
    note: (note: InboxNote) => void seen.notes.push(note),
  };
  const silent: Watcher = { watch: () => ({ close: () => undefined }) };
  const inbox = new Inbox(context, options.watcher ?? silent);
  onTestFinished(() => inbox.stop());
  return {
    ...{ path, queue, clock, store, seen, inbox, project, context },
    failed: () => readdirSync(queue.failedDir).sort(),
    failedText: (name: string) => readFileSync(join(queue.failedDir, name)),
    inboxNames: () => readdirSync(queue.inbox).sort(),
  };
}
