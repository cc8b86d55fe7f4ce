import { keyOf, type TaskRef } from '../model/ids.ts';
import { isRefusal, type Refusal, refuse } from '../model/refusal.ts';
import type { Cause, FinishedTask, OpenTask } from '../model/task.ts';
import type { TaskState } from '../model/view.ts';
import { parseTask } from '../taskfile/parse.ts';
import { readResult } from '../taskfile/result.ts';
import type { Arrivals } from './arrivals.ts';
import type { Commits } from './commit.ts';
import { SPOILT } from './edits.ts';
import type { Lists } from './lists.ts';
import type { Projections } from './projections.ts';
import { sha256 } from './projector.ts';

/*
 * A finished task stays finished (law 3): trying it again makes a new task from the same bytes, which the old one names.
 * A task that only waits, or that was found without a record of ours, is freed to run now.
 */

type Retried = { ref: TaskRef; state: TaskState };

export class Retries {
  readonly #commits: Commits;
  readonly #arrivals: Arrivals;
  readonly #lists: Lists;
  readonly #projections: Pick<Projections, 'settled'>;

  constructor(commits: Commits, arrivals: Arrivals, lists: Lists, projections: Pick<Projections, 'settled'>) {
    this.#commits = commits;
    this.#arrivals = arrivals;
    this.#lists = lists;
    this.#projections = projections;
  }

  async retry(ref: TaskRef, cause: Cause): Promise<Retried | Refusal> {
    if (cause.call !== undefined && this.#commits.working.replies.has(cause.call)) return this.#repeated(cause);
    const task = await this.#lists.get(ref);
    if (!task)
      return refuse('not_found', `there is no task ${ref.id} in this project`, 'list_tasks shows what there is');
    if (!('finished_seq' in task)) return this.#release(task, cause);
    const answers = await this.#again(ref, task, cause);
    const answer = Array.isArray(answers) ? answers[0] : answers;
    if (answer === undefined || isRefusal(answer)) return answer ?? refuse('not_found', 'nothing to retry', '');
    return { ref: answer.ref, state: answer.state };
  }

  /** The first answer again, in whichever of the two ways it was given. */
  async #repeated(cause: Cause): Promise<Retried | Refusal> {
    const reply = await this.#commits.commit<Retried | Refusal | (Retried | Refusal)[] | null>(cause, () => ({
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
    return this.#commits.commit<Retried | Refusal>(cause, (state) => {
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

  async #again(ref: TaskRef, task: FinishedTask, cause: Cause) {
    if (task.state === 'done') return refuse('not_possible', `task ${ref.id} is done`, 'enqueue_task makes a new task');
    if (task.retried_as)
      return refuse(
        'not_possible',
        `task ${ref.id} was retried already as ${task.retried_as}`,
        `job_status {id: "${task.retried_as}"}`,
      );
    await this.#projections.settled(keyOf(ref)); // its file holds the text
    const file = await this.#lists.text(ref);
    const bytes = file && readResult(file.bytes, { folder: 'failed', id: ref.id, mtimeMs: 0 }).source;
    if (!bytes)
      return refuse(
        'not_possible',
        `the original text of task ${ref.id} is not in its file any more`,
        'enqueue_task with the text',
      );
    const parsed = parseTask(bytes);
    if (isRefusal(parsed))
      return refuse('not_possible', `task ${ref.id} can't be read: ${parsed.message}`, 'mend the text and enqueue it');
    if (parsed.spec.verify !== undefined && isOthersText(task, bytes))
      return refuse(
        'not_possible',
        `the text of task ${ref.id} was changed by hand and runs a command (verify); a try again would run it unseen`,
        'enqueue_task with the text and its verify',
      );
    const { idempotency_key: _, ...spec } = parsed.spec; // it named the first try
    const fresh = {
      project: ref.project,
      spec,
      title: parsed.title,
      bytes,
      source: 'retry' as const,
      enqueued_by: cause.by,
      retry_of: task.retry_of ?? ref.id,
    };
    return this.#arrivals.enqueue([fresh], cause, {
      besides: ([made]) => (made && !isRefusal(made) ? [{ type: 'task_retried', ...ref, as: made.ref.id }] : []),
    });
  }
}

/** A file may bring no command of its own: neither by an edit that ended the task, nor by one in failed/. */
function isOthersText({ sha, reason }: FinishedTask, bytes: Uint8Array): boolean {
  return sha256(bytes) !== sha || reason?.startsWith(SPOILT) === true;
}
