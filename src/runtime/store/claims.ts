import { join } from 'node:path';
import { keyOf, type TaskRef } from '../model/ids.ts';
import { isRefusal, type Refusal, refuse } from '../model/refusal.ts';
import type { RunRoute } from '../model/route.ts';
import { type Cause, isLive, type Lease, type LiveTask } from '../model/task.ts';
import type { FileStat } from '../ports.ts';
import type { QueueLayout } from '../taskfile/layout.ts';
import type { Adoption } from './adoption.ts';
import type { Commits } from './commit.ts';
import { decideClaim } from './decide.ts';
import { type Edits, type FileText, readTaskFile } from './edits.ts';
import type { Ground } from './ground.ts';
import type { Projections } from './projections.ts';

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
  readonly #edits: Edits;

  constructor(ground: Ground, commits: Commits, adoption: Adoption, projections: Projections, edits: Edits) {
    this.#ground = ground;
    this.#commits = commits;
    this.#adoption = adoption;
    this.#projections = projections;
    this.#edits = edits;
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
    const { sha } = file;
    if (known?.state === 'queued' && known.sha !== sha) return this.#edits.take(paths, known, file);
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
      const problem = await this.#take(paths, lease, file.stat).catch((error) => `its file can't be taken: ${error}`); // L2
      if (problem) return this.#void(lease, problem);
    }
    return { lease, task, bytes: file.bytes };
  }

  async #read(paths: QueueLayout, ref: TaskRef): Promise<(FileText & { stat: FileStat }) | undefined> {
    const { files, config } = this.#ground;
    const stat = await files.stat(paths.task(ref.id));
    if (stat?.kind !== 'file') return undefined;
    const text = await readTaskFile(files, paths.task(ref.id), config.limits.max_task_bytes);
    return text && { ...text, stat };
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
}
