import { keyOf, ProjectId, TaskId, type TaskRef } from '../../../src/runtime/model/ids.ts';
import { type Refusal, refuse } from '../../../src/runtime/model/refusal.ts';
import type { RunRoute } from '../../../src/runtime/model/route.ts';
import { TaskSpec, type TaskSpecInput } from '../../../src/runtime/model/spec.ts';
import type { Lease, LiveTask, OpenTask, QueuedTask } from '../../../src/runtime/model/task.ts';
import type { Change, Clock } from '../../../src/runtime/ports.ts';

type ClaimAnswer = { lease: Lease; task: LiveTask; bytes: Uint8Array };

/** As much of a store as the dispatcher knows: open tasks, claims that take a moment, and changes. */
export class MemoryStore {
  readonly tasks = new Map<string, OpenTask>();
  readonly claimed: { ref: TaskRef; route: RunRoute }[] = [];
  /** Set by a test: runs when a claim would be journalled; a refusal or a throw is what the claim ends with. */
  beforeClaim: ((ref: TaskRef) => Refusal | undefined) | undefined;
  /** Set by a test: claims wait for it. */
  gate: Promise<void> | undefined;
  claiming = 0;
  mostClaiming = 0;
  readonly #listeners = new Set<(changes: readonly Change[]) => void>();
  readonly #clock: Clock;
  #seq = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  open(): ReadonlyMap<string, OpenTask> {
    return this.tasks;
  }

  subscribe(listener: (changes: readonly Change[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  async claim(ref: TaskRef, route: RunRoute): Promise<ClaimAnswer | Refusal> {
    this.claiming += 1;
    this.mostClaiming = Math.max(this.mostClaiming, this.claiming);
    try {
      await this.gate;
      const no = this.beforeClaim?.(ref);
      if (no) return no;
      const before = this.tasks.get(keyOf(ref));
      if (before?.state !== 'queued') return refuse('stale', `${ref.id} is not queued`, 'list_tasks');
      const { not_before: _, backoff: __, ...core } = before;
      const attempt = before.attempt + 1;
      const lease: Lease = { task: ref, attempt, epoch: 'e', token: `t${attempt}` };
      const stamp = this.#stamp();
      const task: LiveTask = {
        ...core,
        ...stamp,
        state: 'claimed',
        attempt,
        token: lease.token,
        route,
        claimed_at: this.#clock.now(),
      };
      this.claimed.push({ ref, route });
      this.#change('task_claimed', before, task);
      return { lease, task, bytes: new Uint8Array() };
    } finally {
      this.claiming -= 1;
    }
  }

  /** Queues tasks in one commit. */
  add(...given: { id: string; project?: ProjectId; spec?: TaskSpecInput; more?: Partial<QueuedTask> }[]): QueuedTask[] {
    const tasks = given.map(({ id, project = PROJECT, spec = {}, more = {} }): QueuedTask => {
      const stamp = this.#stamp();
      const now = this.#clock.now();
      const arrived = {
        ...stamp,
        seq: stamp.changed_seq,
        queued_at: now,
        body: { segment: 's', offset: 0, length: 0 },
      };
      const said = { title: id, sha: '', size: 0, source: 'call' as const, enqueued_by: 'test', depth: 0 };
      const counts = { attempt: 0, spent: 0, waits_for: [] };
      return {
        project,
        id: TaskId.parse(id),
        spec: TaskSpec.parse(spec),
        state: 'queued',
        ...arrived,
        ...said,
        ...counts,
        ...more,
      };
    });
    for (const task of tasks) this.tasks.set(keyOf(task), task);
    this.#tell(tasks.map((after) => ({ ...this.#moment('task_queued'), after })));
    return tasks;
  }

  /** Replaces a task, as an edit, a requeue or a freed dependency does. */
  replace(id: string, change: (task: OpenTask) => OpenTask, project = PROJECT): void {
    const before = this.find(id, project);
    this.#change('task_edited', before, { ...change(before), ...this.#stamp() });
  }

  /** A live task has ended, or a queued one was cancelled. */
  end(id: string, project = PROJECT): void {
    const before = this.find(id, project);
    this.tasks.delete(keyOf(before));
    this.#tell([{ ...this.#moment('task_finished'), before }]);
  }

  tell(type: string): void {
    this.#tell([this.#moment(type)]);
  }

  find(id: string, project = PROJECT): OpenTask {
    const task = this.tasks.get(keyOf({ project, id: TaskId.parse(id) }));
    if (!task) throw new Error(`no open task ${id}`);
    return task;
  }

  #change(type: string, before: OpenTask, after: OpenTask): void {
    this.tasks.set(keyOf(after), after);
    this.#tell([{ ...this.#moment(type), before, after }]);
  }

  #tell(changes: Change[]): void {
    for (const listener of [...this.#listeners]) listener(changes);
  }

  #stamp() {
    return { changed_at: this.#clock.now(), changed_seq: ++this.#seq };
  }

  #moment(type: string) {
    return { seq: this.#seq, at: this.#clock.now(), type };
  }
}

export const PROJECT = ProjectId.parse('p_000000000001');
export const OTHER = ProjectId.parse('p_000000000002');
