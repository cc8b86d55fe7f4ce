import { dirname } from 'node:path';
import type { Config } from '../model/config.ts';
import type { Event } from '../model/event.ts';
import { keyOf, type TaskKey, type TaskRef } from '../model/ids.ts';
import { isRefusal, type Refusal, refuse } from '../model/refusal.ts';
import type { Cause, FinishedTask, OpenTask, QueuedTask } from '../model/task.ts';
import type { TaskState } from '../model/view.ts';
import type { Files, RetryOrder } from '../ports.ts';
import { amendTask } from '../taskfile/amend.ts';
import { type ParsedTask, parseTask } from '../taskfile/parse.ts';
import { readResult } from '../taskfile/result.ts';
import type { Arrivals } from './arrivals.ts';
import { encodeBytes } from './bytes.ts';
import type { Commits } from './commit.ts';
import { type Edits, SPOILT } from './edits.ts';
import type { Lists } from './lists.ts';
import type { Projections } from './projections.ts';
import { sha256 } from './projector.ts';

/*
 * A finished task stays finished (law 3): trying it again makes a new task from the same bytes, which the old one names.
 * A task that only waits, or that was found without a record of ours, is freed to run now.
 *
 * E1. What is changed with it is changed in the same record: a claim comes before it or after it, never between.
 * E2. The text that is changed is the one that the file has: a person's edit that nobody has looked at yet is taken first.
 * E3. The file follows its record like every other one; until it does, the old text in it is nobody's edit (`replaces`).
 *     The old text is on disk before the record: a power cut must not leave something that neither text explains.
 * E4. One at a time of each task: whoever comes second finds what the first has made of it, and makes no second one.
 */

type Retried = { ref: TaskRef; state: TaskState };

interface RetriesPorts {
  readonly config: Config;
  readonly files: Pick<Files, 'stat' | 'sync' | 'syncDir'>;
  readonly commits: Commits;
  readonly arrivals: Arrivals;
  readonly lists: Lists;
  readonly projections: Pick<Projections, 'settled'>;
  readonly edits: Pick<Edits, 'reread'>;
}

const LOOKS = 5;

export class Retries {
  readonly #ports: RetriesPorts;
  /** E4 */
  readonly #newest = new Map<TaskKey, Promise<Retried | Refusal>>();

  constructor(ports: RetriesPorts) {
    this.#ports = ports;
  }

  /** E4 */
  retry(ref: TaskRef, cause: Cause, order?: RetryOrder): Promise<Retried | Refusal> {
    const key = keyOf(ref);
    const before = this.#newest.get(key);
    const answer = before
      ? before.catch(() => undefined).then(() => this.#retry(ref, cause, order))
      : this.#retry(ref, cause, order);
    this.#newest.set(key, answer);
    const over = () => {
      if (this.#newest.get(key) === answer) this.#newest.delete(key);
    };
    answer.then(over, over);
    return answer;
  }

  async #retry(ref: TaskRef, cause: Cause, order?: RetryOrder): Promise<Retried | Refusal> {
    const { commits, lists } = this.#ports;
    if (cause.call !== undefined && commits.working.replies.has(cause.call)) return this.#repeated(cause);
    for (let look = 0; look < LOOKS; look++) {
      const task = await lists.get(ref);
      if (!task)
        return refuse('not_found', `there is no task ${ref.id} in this project`, 'list_tasks shows what there is');
      const answer = await ('finished_seq' in task
        ? this.#oneMore(ref, task, cause, order)
        : order
          ? this.#change(task, cause, order)
          : this.#release(task, cause));
      if (answer !== 'changed') return answer;
    }
    return refuse('busy', `task ${ref.id} changes too often to be changed`, 'nothing was changed: try again');
  }

  async #oneMore(ref: TaskRef, task: FinishedTask, cause: Cause, order?: RetryOrder): Promise<Retried | Refusal> {
    const answers = await this.#again(ref, task, cause, order);
    const answer = Array.isArray(answers) ? answers[0] : answers;
    if (answer === undefined || isRefusal(answer)) return answer ?? refuse('not_found', 'nothing to retry', '');
    return { ref: answer.ref, state: answer.state };
  }

  /** The first answer again, in whichever of the two ways it was given. */
  async #repeated(cause: Cause): Promise<Retried | Refusal> {
    const reply = await this.#ports.commits.commit<Retried | Refusal | (Retried | Refusal)[] | null>(cause, () => ({
      events: [],
      reply: null,
    }));
    const first = Array.isArray(reply) ? reply[0] : reply;
    if (first === undefined || first === null)
      return refuse('not_found', 'the first answer of this call is lost', 'look with job_status');
    return isRefusal(first) ? first : { ref: first.ref, state: first.state };
  }

  #release(task: OpenTask, cause: Cause): Promise<Retried | Refusal> {
    const ref = { project: task.project, id: task.id };
    return this.#ports.commits.commit<Retried | Refusal>(cause, (state) => {
      const now = state.open.get(keyOf(ref));
      if (now?.state === 'unknown' || (now?.state === 'queued' && now.not_before !== undefined)) {
        const reason = 'a person asked for it';
        return { events: [{ type: 'task_released', ...ref, reason }], reply: { ref, state: 'queued' } };
      }
      if (now?.state === 'queued') return { events: [], reply: { ref, state: 'queued' } };
      return {
        events: [],
        reply: refuse(
          'not_possible',
          `task ${ref.id} is ${now?.state ?? 'gone'}`,
          'cancel_task ends it; a finished task can be retried',
        ),
      };
    });
  }

  /** E1, E2. `changed`: it is not what was looked at any more. */
  async #change(task: OpenTask, cause: Cause, order: RetryOrder): Promise<Retried | Refusal | 'changed'> {
    const ref = { project: task.project, id: task.id };
    if (task.state !== 'queued') return notNow(task);
    await this.#ports.projections.settled(keyOf(ref));
    await this.#ports.edits.reread(ref); // E2
    const text = await this.#ports.lists.text(ref);
    const current = this.#ports.commits.committed.open.get(keyOf(ref));
    if (!text || current?.state !== 'queued' || sha256(text.bytes) !== current.sha) return 'changed';
    const made = await this.#amended(current, text.bytes, order);
    if (isRefusal(made)) return made;
    await this.#keep(text.path); // E3
    return this.#ports.commits.commit<Retried | Refusal | 'changed'>(cause, (state) => {
      const now = state.open.get(keyOf(ref));
      if (now?.state !== 'queued' || now.sha !== current.sha || now.attempt !== current.attempt)
        return { events: [], reply: 'changed' };
      return { events: changeEvents(now, made), reply: { ref, state: 'queued' } };
    });
  }

  async #keep(path: string): Promise<void> {
    const { files } = this.#ports;
    if (!(await files.stat(path))) return;
    await files.sync(path);
    await files.syncDir(dirname(path));
  }

  async #amended(task: QueuedTask | FinishedTask, bytes: Uint8Array, order: RetryOrder): Promise<Amended | Refusal> {
    const old = parseTask(bytes);
    if (isRefusal(old)) return unreadable(task, old);
    const amendment = await order.amend(task, old.spec);
    if (isRefusal(amendment)) return amendment;
    const amended = amendTask(bytes, amendment);
    if (isRefusal(amended)) return amended;
    const { max_task_bytes } = this.#ports.config.limits;
    if (amended.length > max_task_bytes)
      return refuse(
        'invalid',
        `instructions: with them the task has ${amended.length} bytes; the limit is ${max_task_bytes}`,
        'nothing was changed: say it shorter, or name a file',
      );
    const parsed = parseTask(amended);
    if (isRefusal(parsed)) return parsed;
    const refused = order.refuses(task.project, parsed.spec);
    return refused ?? { parsed, bytes: amended, ...(amendment.fresh && { fresh: true }) };
  }

  async #again(ref: TaskRef, task: FinishedTask, cause: Cause, order?: RetryOrder) {
    if (task.state === 'done') return refuse('not_possible', `task ${ref.id} is done`, 'enqueue_task makes a new task');
    if (task.retried_as)
      return refuse(
        'not_possible',
        `task ${ref.id} was retried already as ${task.retried_as}`,
        `job_status {id: "${task.retried_as}"}`,
      );
    await this.#ports.projections.settled(keyOf(ref)); // its file holds the text
    const file = await this.#ports.lists.text(ref);
    const bytes = file && readResult(file.bytes, { folder: 'failed', id: ref.id, mtimeMs: 0 }).source;
    if (!bytes)
      return refuse(
        'not_possible',
        `the original text of task ${ref.id} is not in its file any more`,
        'enqueue_task with the text',
      );
    const parsed = parseTask(bytes);
    if (isRefusal(parsed)) return unreadable(task, parsed);
    if (parsed.spec.verify !== undefined && isOthersText(task, bytes))
      return refuse(
        'not_possible',
        `the text of task ${ref.id} was changed by hand and runs a command (verify); a try again would run it unseen`,
        'enqueue_task with the text and its verify',
      );
    const made = order ? await this.#amended(task, bytes, order) : { parsed, bytes };
    if (isRefusal(made)) return made;
    const { idempotency_key: _, ...spec } = made.parsed.spec; // it named the first try
    const fresh = {
      project: ref.project,
      spec,
      title: made.parsed.title,
      bytes: made.bytes,
      source: 'retry' as const,
      enqueued_by: cause.by,
      retry_of: task.retry_of ?? ref.id,
    };
    return this.#ports.arrivals.enqueue([fresh], cause, {
      besides: ([made]) => (made && !isRefusal(made) ? [{ type: 'task_retried', ...ref, as: made.ref.id }] : []),
    });
  }
}

interface Amended {
  readonly parsed: ParsedTask;
  readonly bytes: Uint8Array;
  readonly fresh?: true;
}

/** E1 */
function changeEvents(task: QueuedTask, { parsed, bytes, fresh }: Amended): Event[] {
  const ref = { project: task.project, id: task.id };
  const sha = sha256(bytes);
  const { spec, title } = parsed;
  const same = sha === task.sha;
  const edit: Event = {
    ...{ type: 'task_edited', ...ref, bytes: encodeBytes(bytes), ...(fresh && { fresh }) },
    task: { spec, title, waits_for: task.waits_for, sha, size: bytes.length },
    ...(!same && { replaces: task.sha }), // E3
  };
  const release: Event = { type: 'task_released', ...ref, reason: 'a person asked for it' };
  return [...(same && !fresh ? [] : [edit]), ...(task.not_before === undefined ? [] : [release])];
}

function notNow(task: OpenTask): Refusal {
  const name = `{id: ${JSON.stringify(task.id)}}`;
  if (task.state === 'unknown')
    return refuse(
      'not_possible',
      `task ${task.id} is unknown: somebody else has started it, and it can only be freed as it is`,
      `look at its workspace; retry_task ${name} without changes runs it, cancel_task ${name} gives it up`,
    );
  return refuse(
    'not_possible',
    `task ${task.id} is ${task.state}; nothing was changed`,
    `cancel_task ${name} and then retry_task with the changes, or wait for its end with job_status`,
  );
}

function unreadable({ id }: OpenTask | FinishedTask, { message }: Refusal): Refusal {
  return refuse('not_possible', `task ${id} can't be read: ${message}`, 'mend the text and enqueue it');
}

/** A file may bring no command of its own: neither by an edit that ended the task, nor by one in failed/. */
function isOthersText({ sha, reason }: FinishedTask, bytes: Uint8Array): boolean {
  return sha256(bytes) !== sha || reason?.startsWith(SPOILT) === true;
}
