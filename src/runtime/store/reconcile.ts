import type { Event } from '../model/event.ts';
import { keyOf, type ProjectId, TaskId } from '../model/ids.ts';
import { isRefusal } from '../model/refusal.ts';
import { isLive, type OpenTask } from '../model/task.ts';
import type { QueueLayout } from '../taskfile/layout.ts';
import { type Leftover, readLeftover } from '../taskfile/leftovers.ts';
import { AttemptFile, readJson } from '../taskfile/marker.ts';
import type { Adoption } from './adoption.ts';
import { encodeBytes } from './bytes.ts';
import type { Commits } from './commit.ts';
import type { Ground } from './ground.ts';
import type { History } from './history.ts';
import type { Projections } from './projections.ts';
import { sha256 } from './projector.ts';
import { arrivedWith, type State } from './state.ts';

/*
 * When a queue is taken over, its files and the journal are compared once:
 *
 * R1. Normally the journal wins: what it says is written again where a crash kept it from being written.
 * R2. A journal that is not the one the files follow, or that is behind them (a restored backup, a lost home), is in
 *     recovery: what done/ and failed/ say stands, the highest attempt wins.
 * R3. What somebody started and nobody can explain is `unknown`: listed, never run until a person names it.
 */
export class Reconcile {
  readonly #ground: Ground;
  readonly #commits: Commits;
  readonly #adoption: Adoption;
  readonly #projections: Projections;
  readonly #history: History;
  readonly #done = new Map<ProjectId, Promise<void>>();

  constructor(ground: Ground, commits: Commits, adoption: Adoption, projections: Projections, history: History) {
    this.#ground = ground;
    this.#commits = commits;
    this.#adoption = adoption;
    this.#projections = projections;
    this.#history = history;
  }

  /** A queue is compared once, when it is taken; from then on the journal and its projections agree. */
  once(id: ProjectId): Promise<void> {
    const running = this.#done.get(id);
    if (running) return running;
    const comparing = this.#project(id).catch((error) => {
      this.#done.delete(id);
      throw error;
    });
    this.#done.set(id, comparing);
    return comparing;
  }

  async #project(id: ProjectId): Promise<void> {
    const paths = this.#adoption.paths(id);
    if (!paths) return;
    if (this.#inRecovery(id)) await this.#history.recover(id, paths); // R2
    const names = new Set(((await this.#ground.files.list(paths.inbox)) ?? []).map(({ name }) => name));
    for (const task of [...this.#commits.committed.open.values()]) {
      if (task.project === id && !(await this.#isAhead(paths, task, names))) await this.#openTask(paths, task, names);
    }
    await this.#leftovers(id, paths, names);
  }

  #inRecovery(id: ProjectId): boolean {
    const seen = this.#adoption.seen(id);
    if (this.#ground.damaged) return true;
    if (seen?.epoch === undefined) return true; // never seen, or its mark is lost: the files are all there is
    return seen.epoch !== this.#ground.journal.epoch || seen.last_seq > this.#commits.committed.seq;
  }

  /** R2: the files know of a later attempt than the journal; its runner will say what became of it. */
  async #isAhead(paths: QueueLayout, task: OpenTask, names: ReadonlySet<string>): Promise<boolean> {
    if (task.state !== 'queued' || names.has(`${task.id}.md`) || !names.has(`${task.id}.md.dispatched`)) return false;
    const file = await this.#ground.files.read(paths.attempt(task.id)).catch(() => undefined);
    const newest = (file && readJson(AttemptFile, file)?.attempt) ?? 0;
    if (newest <= task.attempt) return false;
    const ref = { project: task.project, id: task.id };
    const token = this.#ground.chance.hex(16);
    const rules = [{ rule: 'found', says: 'the files know of this attempt, the journal does not' }];
    const route = { to: 'agent' as const, agent: task.spec.agent ?? 'unknown', kind: 'command' as const, rules };
    const events: Event[] = [];
    for (let attempt = task.attempt + 1; attempt <= newest; attempt++) {
      events.push({ type: 'task_claimed', ...ref, attempt, token, route, sha: task.sha });
      if (attempt < newest) events.push({ type: 'claim_void', ...ref, attempt, reason: 'a later attempt followed' });
    }
    await this.#commits.commit({ by: 'recovery' }, () => ({ events, reply: null }));
    return true;
  }

  /** R1 */
  async #openTask(paths: QueueLayout, task: OpenTask, names: ReadonlySet<string>): Promise<void> {
    if (task.state === 'unknown') return;
    if (isLive(task)) {
      if (this.#adoption.anotherBoot(task.project)) this.#projections.restore(keyOf(task)); // what became of it is for its runner to say
      return;
    }
    const file = paths.task(task.id);
    const traces = ['.md.dispatched', '.md.delegated', '.attempt.json'].some((suffix) => names.has(task.id + suffix));
    if (!names.has(`${task.id}.md`) || traces) {
      this.#projections.restore(keyOf(task), this.#wasWritten(task));
      return;
    }
    if (!this.#wasSynced(task)) this.#projections.markUnsynced(file, paths.inbox);
    const bytes = await this.#ground.files.read(file).catch(() => undefined);
    if (bytes && sha256(bytes) === task.sha) return;
    this.#projections.restore(keyOf(task), this.#wasWritten(task)); // it may be torn
  }

  /** The snapshot was written when all files of its tasks were safe. */
  #wasSynced(task: OpenTask): boolean {
    return task.changed_seq <= this.#ground.snapshotSeq && !this.#adoption.anotherBoot(task.project);
  }

  /** Whether its file was there as it should be before: if so, what is there now is an edit. */
  #wasWritten(task: OpenTask): boolean {
    const upTo = this.#adoption.anotherBoot(task.project)
      ? this.#ground.snapshotSeq
      : (this.#adoption.seen(task.project)?.last_seq ?? 0);
    if (task.attempt > 0) return task.changed_seq <= upTo;
    return task.source === 'drop' || arrivedWith(task) <= upTo;
  }

  async #leftovers(id: ProjectId, paths: QueueLayout, names: ReadonlySet<string>): Promise<void> {
    for (const name of names) {
      const stem = /^(.+)\.md\.(?:dispatched|delegated)$/.exec(name)?.[1];
      const task = stem === undefined ? undefined : TaskId.safeParse(stem).data;
      if (task && !this.#explained(id, task, name)) await this.#found(id, paths, task, name.endsWith('.dispatched'));
    }
  }

  #explained(project: ProjectId, id: TaskId, name: string): boolean {
    const key = keyOf({ project, id });
    if (this.#projections.isPending(key)) return true;
    const task = this.#commits.committed.open.get(key);
    if (!task) return false;
    if (task.state === 'unknown') return true;
    return isLive(task) && (task.route.to === 'agent') === name.endsWith('.dispatched');
  }

  async #found(project: ProjectId, paths: QueueLayout, id: TaskId, dispatched: boolean): Promise<void> {
    const key = keyOf({ project, id });
    const path = dispatched ? paths.dispatched(id) : paths.task(id);
    const bytes = await this.#ground.files.read(path).catch(() => undefined);
    const ended = this.#commits.committed.finished.get(key) ?? (await this.#history.ended(paths, { project, id }));
    if (ended) {
      if (bytes && sha256(bytes) === ended.sha) await this.#ground.files.remove(path); // a leftover of what is finished
      if (!dispatched) await this.#ground.files.remove(paths.delegated(id));
      return;
    }
    if (this.#commits.committed.open.has(key) || !bytes) return;
    const marker = dispatched ? undefined : await this.#ground.files.read(paths.delegated(id)).catch(() => undefined);
    const attempt = await this.#ground.files.read(paths.attempt(id)).catch(() => undefined);
    const leftover = readLeftover({
      project,
      id,
      bytes,
      marker,
      attempt,
      now: this.#ground.clock.now(),
      sha: sha256(bytes),
    });
    if (isRefusal(leftover)) return; // the inbox moves what can't be read to failed/
    const token = this.#ground.chance.hex(16);
    await this.#commits.commit({ by: 'recovery' }, (state) => ({
      events: eventsOf(state, leftover, token),
      reply: null,
    }));
  }
}

function eventsOf(state: State, found: Leftover, token: string): Event[] {
  const { task, bytes, job } = found;
  const ref = { project: task.project, id: task.id };
  if (state.open.has(keyOf(ref))) return [];
  if (!job) return [{ type: 'task_found', task, bytes: encodeBytes(bytes) }]; // R3
  const { found: _, detail: __, run_dir: ___, ...core } = task;
  const attempt = Math.max(1, job.attempt);
  const route = {
    to: 'provider' as const,
    provider: job.provider,
    rules: [{ rule: 'found', says: 'its marker names the job' }],
  };
  return [
    {
      type: 'task_queued',
      task: { ...core, state: 'queued', attempt: attempt - 1, spent: attempt - 1 },
      bytes: encodeBytes(bytes),
    },
    { type: 'task_claimed', ...ref, attempt, token, route, sha: task.sha },
    { type: 'attempt_started', ...ref, attempt },
    { type: 'job_accepted', ...ref, attempt, job_id: job.job_id },
  ];
}
