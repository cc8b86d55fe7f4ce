import { z } from 'zod';
import { ErrorClass, Priority } from '../spec.ts';
import { QueuedTask, UnknownTask } from '../task.ts';
import { Cost } from '../usage.ts';
import { attempt, count, ofTask, place, text, time, told } from './event.ts';

const failed = { error_class: ErrorClass.describe('what kind of failure'), reason: text };

/** What was seen of the work itself. */
const work = {
  job_id: text.optional().describe("the provider's name of the job"),
  session_id: text.optional().describe('the conversation, for `continues`'),
  exit_code: z.number().optional(),
  branch: text.optional().describe('of a task with a worktree of its own'),
  commits: count.optional(),
  files_changed: count.optional(),
};

const blocked = {
  ...ofTask,
  ...attempt,
  session: text,
  request: text.optional().describe('for `approve`, `deny` and `answer`'),
};

/** The way of a task. */
export const TASK_EVENTS = {
  task_queued: told('A task has arrived, by a call, a file or a try again.', {
    ...ofTask,
    title: text,
    priority: Priority,
    source: QueuedTask.shape.source,
    group: text.optional(),
    tags: z.array(text).optional(),
    parent: text.optional().describe('the task whose attempt enqueued it, as project/id'),
    retry_of: text.optional().describe('the first of the tasks that it tries again'),
  }),
  task_found: told('A task lay there as started by somebody, without a record of ours: it waits for a person.', {
    ...ofTask,
    title: text,
    found: UnknownTask.shape.found,
    detail: text,
  }),
  task_edited: told('The file of a waiting task was edited.', { ...ofTask, title: text }),
  task_released: told('A task that waited for a time, or for a person, is free to run now.', {
    ...ofTask,
    reason: text,
  }),
  task_claimed: told('A place was chosen for it; nothing runs yet.', { ...ofTask, ...attempt, ...place }),
  claim_void: told('A claim came to nothing: the attempt never began.', { ...ofTask, ...attempt, reason: text }),
  task_dispatched: told('Its agent is at work, or the provider was asked.', { ...ofTask, ...attempt, ...place }),
  job_accepted: told('The provider has taken the job.', { ...ofTask, ...attempt, job_id: text }),
  verify_started: told('Its agent says that it is done, and that is being checked.', { ...ofTask, ...attempt }),
  task_blocked: told('Its agent waits for somebody.', {
    ...blocked,
    on: text.describe('what it waits for'),
    detail: text,
  }),
  task_unblocked: told('It waits no more.', { ...blocked, how: text.describe('who or what ended it, and how') }),
  cancel_requested: told('Its agent is being stopped.', { ...ofTask, reason: text }),
  task_retried: told(
    'An attempt failed and the task goes back to the queue; or (with `as`) a finished task was made anew.',
    {
      ...ofTask,
      attempt: attempt.attempt.optional(),
      ...place,
      error_class: failed.error_class.optional(),
      reason: text.optional(),
      not_before: time.optional().describe('when it may run again'),
      spent: z.boolean().optional().describe('the attempt counts against max_attempts'),
      as: text.optional().describe('the new task'),
    },
  ),
  task_completed: told('It is done.', {
    ...ofTask,
    ...attempt,
    ...place,
    verified: z.enum(['unverified', 'passed']).describe('unverified = only its agent says so'),
    ...work,
    turns: count.optional(),
    truncated: z.boolean().optional().describe('its result was too long and is cut'),
    patch: z.boolean().optional().describe('a patch lies beside the result'),
  }),
  task_failed: told('It failed for good.', {
    ...ofTask,
    ...attempt,
    ...place,
    ...failed,
    ...work,
    from_file: z.boolean().optional().describe('its end was found as a file'),
  }),
  task_cancelled: told('It was cancelled.', { ...ofTask, ...attempt, reason: text, ...work }),
  task_dead_lettered: told(
    'Beside `task_failed`: nothing tries it again by itself; `failed/<id>.md` says what was tried.',
    {
      ...ofTask,
      attempts: count,
      ...failed,
    },
  ),
  usage_recorded: told('What an attempt took, told at its end: once for each end that says anything of it.', {
    ...ofTask,
    ...attempt,
    end: z.enum(['completed', 'failed', 'cancelled', 'retried']),
    ...place,
    profile: text.optional().describe('the account'),
    tokens: count.optional().describe('of every kind together'),
    input_tokens: count.optional(),
    output_tokens: count.optional(),
    cache_read_tokens: count.optional(),
    cache_write_tokens: count.optional(),
    cost: z.number().nonnegative().optional(),
    currency: text.optional(),
    more_costs: z.array(Cost).optional().describe('where it was named in other currencies as well'),
  }),
  report_refused: told('A report of an attempt that is over came too late, and changed nothing.', {
    ...ofTask,
    ...attempt,
    report: text,
    why: text,
  }),
  delivered: told('What was owed about a finished task is delivered, or was given up.', {
    ...ofTask,
    what: z.enum(['report', 'callback']),
    ok: z.boolean(),
    detail: text,
  }),
};
