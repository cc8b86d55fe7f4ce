import { join } from 'node:path';
import { keyOf, type TaskRef } from '../model/ids.ts';
import { isRefusal, type Refusal, refuse } from '../model/refusal.ts';
import type { RunRoute } from '../model/route.ts';
import { type Cause, isLive, type Lease, type LiveTask, type OpenTask } from '../model/task.ts';
import type { FileStat } from '../ports.ts';
import type { QueueLayout } from '../taskfile/layout.ts';
import { parseTask } from '../taskfile/parse.ts';
import type { Adoption } from './adoption.ts';
import { encodeBytes } from './bytes.ts';
import type { Commits } from './commit.ts';
import { decideClaim, finishEvents } from './decide.ts';
import type { Ground } from './ground.ts';
import type { Projections } from './projections.ts';
import { sha256 } from './projector.ts';

/*
 * L1. What runs is what the file says at the claim; that is what is journalled.
 * L2. The claim is durable before the rename, the rename is done before anything starts: without the renamed file the
 *     claim is void and nothing starts.
 */

type Claimed = { lease: Lease; task: LiveTask; bytes: Uint8Array };

export class Claims {
  readonly #ground: Ground;
  readonly #commits: Commits;
  readonly #adoption: Adoption;
  readonly #projections: Projections;

  constructor(ground: Ground, commits: Commits, adoption: Adoption, projections: Projections) {
    this.#ground = ground;
    this.#commits = commits;
    this.#adoption = adoption;
    this.#projections = projections;
  }

  async claim(ref: TaskRef, route: RunRoute, cause: Cause): Promise<Claimed | Refusal> {
    const paths = this.#adoption.paths(ref.project);
    if (!paths) return refuse('read_only', 'the queue of this project belongs to another home', 'use that home');
    await this.#projections.settled(keyOf(ref));
    const file = await this.#read(paths, ref);
    if (!file) {
      this.#projections.restore(keyOf(ref)); // whether it was deleted on purpose is for the inbox to say
      return refuse('stale', `the file of task ${ref.id} is not in the inbox`, 'it is looked at again by itself');
    }
    const known = this.#commits.working.open.get(keyOf(ref));
    const sha = sha256(file.bytes);
    if (known?.state === 'queued' && known.sha !== sha) return this.#edited(known, file.bytes, sha);
    const token = this.#ground.chance.hex(16);
    const decided = await this.#commits.commit<Refusal | { attempt: number }>(cause, (state) =>
      decideClaim(state, ref, { route, token, sha, now: this.#ground.clock.now() }),
    );
    if (isRefusal(decided)) return decided;
    const task = this.#commits.committed.open.get(keyOf(ref));
    if (!task || !isLive(task) || task.attempt !== decided.attempt)
      return refuse('stale', `task ${ref.id} went on meanwhile`, 'nothing was started');
    const lease: Lease = { task: ref, attempt: task.attempt, epoch: this.#ground.journal.epoch, token: task.token };
    if (route.to === 'agent') {
      const problem = await this.#take(paths, lease, file.stat); // L2
      if (problem) return this.#void(lease, problem);
    }
    return { lease, task, bytes: file.bytes };
  }

  async #read(paths: QueueLayout, ref: TaskRef): Promise<{ bytes: Uint8Array; stat: FileStat } | undefined> {
    const stat = await this.#ground.files.stat(paths.task(ref.id));
    const bytes = stat?.kind === 'file' ? await this.#ground.files.read(paths.task(ref.id)) : undefined;
    return stat && bytes ? { bytes, stat } : undefined;
  }

  async #take(paths: QueueLayout, lease: Lease, read: FileStat): Promise<string | undefined> {
    const { files, home, journal } = this.#ground;
    const { id, project } = lease.task;
    const dispatched = paths.dispatched(id);
    const moved = await files.moveNew(paths.task(id), dispatched);
    if (moved !== 'moved') return moved === 'missing' ? 'its file vanished' : `${dispatched} exists already`;
    const now = await files.stat(dispatched);
    if (now?.ino !== read.ino || now.size !== read.size || now.mtimeMs !== read.mtimeMs)
      return 'its file was changed in the same moment'; // L1
    const run_dir = join(home.runs, project, id, String(lease.attempt));
    await files.replace(
      paths.attempt(id),
      Buffer.from(`${JSON.stringify({ epoch: journal.epoch, attempt: lease.attempt, run_dir })}\n`),
    );
    return undefined;
  }

  async #void(lease: Lease, reason: string): Promise<Refusal> {
    await this.#commits.commit({ by: 'dispatcher' }, () => ({
      events: [{ type: 'claim_void', ...lease.task, attempt: lease.attempt, reason }],
      reply: null,
    }));
    return refuse('stale', `nothing was started: ${reason}`, 'it is looked at again by itself');
  }

  /** The file was edited since it was taken: the task is what the file says now, and its route is decided anew. */
  async #edited(task: OpenTask, bytes: Uint8Array, sha: string): Promise<Refusal> {
    const parsed = parseTask(bytes);
    const ref = { project: task.project, id: task.id };
    const was = { spec: task.spec, title: task.title, sha, size: bytes.length, waits_for: task.waits_for };
    const edit = (now: typeof was) => ({ type: 'task_edited' as const, ...ref, task: now, bytes: encodeBytes(bytes) });
    if (isRefusal(parsed)) {
      await this.#commits.commit({ by: 'drop' }, (state) => {
        const events = finishEvents(state, task, { state: 'failed', error_class: 'invalid', reason: parsed.message });
        return { events: [edit(was), ...events], reply: null };
      });
      return refuse(
        'stale',
        `task ${task.id} was edited and can't be read any more: ${parsed.message}`,
        'it is in failed/ with the reason',
      );
    }
    const waits_for = parsed.spec.depends_on.filter(
      (on) => task.waits_for.includes(on) || !task.spec.depends_on.includes(on),
    );
    const now = { ...was, spec: parsed.spec, title: parsed.title, waits_for };
    await this.#commits.commit({ by: 'drop' }, () => ({ events: [edit(now)], reply: null }));
    return refuse('stale', `task ${task.id} was edited meanwhile`, 'it is looked at again by itself');
  }
}
