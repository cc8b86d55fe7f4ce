import type { Event, JournalRecord } from './event.ts';
import type { ProjectId, TaskId, TaskRef } from './ids.ts';
import { placeOf } from './route.ts';
import type { Cause } from './task.ts';
import { finished, requeued } from './told/ends.ts';
import type { Saying } from './told/table.ts';
import { isoIf, words, wordsIf } from './told/words.ts';

/*
 * What happened, as people and programs outside are told it: streams, sinks, `events` and `audit` all speak so.
 *
 * V1. It follows from the journal's record alone: told again, it is the same, under the same `id`.
 * V2. What belongs to the journal stays there: bytes of tasks, texts of results, tokens of attempts, keys of workers.
 * V3. Text of others is on one line and bounded. Projects are named; times are in ISO 8601.
 */

/** Under `id`, `<seq>.<n>`: the journal's number of the record, and which of its events, from 1. */
export type ShownEvent = {
  readonly id: string;
  readonly at: string;
  readonly by: Cause['by'];
} & Saying;
export type ProjectNames = (id: ProjectId) => string;

/** A told event, and whose it is: an attempt is told only of its own project. */
export interface Shown {
  readonly of: ProjectId | undefined;
  readonly event: ShownEvent;
}

type Told = Pick<JournalRecord, 'seq' | 'at' | 'cause' | 'events'>;

export function showEvents(record: Told, names: ProjectNames): ShownEvent[] {
  return shownIn(record, names).map(({ event }) => event);
}

/** V1 */
export function shownIn({ seq, at, cause, events }: Told, names: ProjectNames): Shown[] {
  const time = new Date(at).toISOString();
  const shown: Shown[] = [];
  for (const event of events) {
    const of = projectOf(event);
    for (const { type, ...facts } of sayings(event, names)) {
      const head = { id: `${seq}.${shown.length + 1}`, type, at: time, by: cause.by };
      shown.push({ of, event: { ...head, ...known(facts) } as ShownEvent });
    }
  }
  return shown;
}

function projectOf(event: Event): ProjectId | undefined {
  if ('task' in event && event.type !== 'task_edited') return event.task.project;
  if (event.type === 'project_adopted') return event.project.id;
  return 'project' in event ? event.project : undefined;
}

function known(facts: object): object {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
}

function sayings(event: Event, names: ProjectNames): readonly Saying[] {
  switch (event.type) {
    case 'task_carried':
      return []; // the journal's own housekeeping
    case 'task_requeued':
      return requeued(event, names);
    case 'task_finished':
      return finished(event, names);
    default:
      return [saying(event, names)];
  }
}

type Single = Exclude<Event, { type: 'task_carried' | 'task_requeued' | 'task_finished' }>;

function saying(event: Single, names: ProjectNames): Saying {
  switch (event.type) {
    case 'task_queued':
      return queued(event.task, names);
    case 'task_found': {
      const { found, detail, title } = event.task;
      return { type: event.type, ...refOf(event.task, names), title: words(title), found, detail: words(detail) };
    }
    case 'task_edited':
      return { type: event.type, ...refOf(event, names), title: words(event.task.title) };
    case 'task_released':
    case 'cancel_requested':
      return { type: event.type, ...refOf(event, names), reason: words(event.reason) };
    case 'task_claimed': {
      const { attempt, route } = event;
      return { type: event.type, ...refOf(event, names), attempt, ...placeOf(route) };
    }
    case 'claim_void':
      return { type: event.type, ...refOf(event, names), attempt: event.attempt, reason: words(event.reason) };
    case 'attempt_started':
      return { type: 'task_dispatched', ...refOf(event, names), attempt: event.attempt, ...event.place };
    case 'job_accepted':
      return { type: event.type, ...refOf(event, names), attempt: event.attempt, job_id: words(event.job_id) };
    case 'verify_started':
      return { type: event.type, ...refOf(event, names), attempt: event.attempt };
    case 'task_retried':
      return { type: event.type, ...refOf(event, names), as: event.as };
    case 'task_blocked': {
      const { attempt, session, on, request, detail } = event;
      const facts = { attempt, session, request, on: words(on), detail: words(detail) };
      return { type: event.type, ...refOf(event, names), ...facts };
    }
    case 'task_unblocked': {
      const { attempt, session, request, how } = event;
      return { type: event.type, ...refOf(event, names), attempt, session, request, how: words(how) };
    }
    case 'report_refused': {
      const { attempt, report, why } = event;
      return { type: event.type, ...refOf(event, names), attempt, report: words(report), why: words(why) };
    }
    case 'delivered': {
      const { what, ok, detail } = event;
      return { type: event.type, ...refOf(event, names), what, ok, detail: words(detail) };
    }
    case 'dispatch_failed_no_agent':
    case 'dispatch_failed_quota': {
      const { detail, until, waiting } = event;
      return { type: event.type, ...refOf(event, names), detail: words(detail), until: isoIf(until), waiting };
    }
    default:
      return besideTasks(event, names);
  }
}

type OfTask = Extract<Single, { id: TaskId } | { type: 'task_queued' | 'task_found' }>['type'];

/** What is not about one task. */
function besideTasks(event: Exclude<Single, { type: OfTask }>, names: ProjectNames): Saying {
  switch (event.type) {
    case 'session_changed':
      return { type: `session_${event.what}`, session: event.session, detail: wordsIf(event.detail) };
    case 'profile_paused': {
      const { agent, profile, why, reason, until, guessed } = event;
      return { type: event.type, agent, profile, why, reason: words(reason), until: isoIf(until), guessed };
    }
    case 'profile_resumed':
    case 'profile_chosen':
      return event;
    case 'profile_used': {
      const { agent, profile } = event;
      const windows = event.windows.map(({ name, used, resets_at }) => ({
        ...{ name: words(name), used },
        ...(resets_at !== undefined && { resets_at: isoIf(resets_at) }),
      }));
      return { type: event.type, agent, profile, windows };
    }
    case 'worker_registered': {
      const { name, title, capabilities, max, files, projects } = event.worker;
      const facts = { title: wordsIf(title), capabilities: capabilities.map(words), max, files };
      return { type: event.type, worker: name, ...facts, projects: projects?.map(names) };
    }
    case 'worker_left':
      return { type: event.type, worker: event.name, why: event.why };
    case 'quota_warning':
    case 'quota_exceeded':
      return { ...event, resets_at: isoIf(event.resets_at) };
    case 'limit_changed':
      return { ...event, reason: words(event.reason), until: isoIf(event.until) };
    case 'limit_restored':
      return { ...event, reason: words(event.reason) };
    case 'paused': {
      const { agent, kind, reason, until } = event;
      return {
        type: event.type,
        project: named(event, names),
        agent,
        kind,
        reason: words(reason),
        until: isoIf(until),
      };
    }
    case 'resumed':
      return { type: event.type, project: named(event, names), agent: event.agent, reason: wordsIf(event.reason) };
    case 'project_adopted': {
      const { name, path, held } = event.project;
      return { type: event.type, project: name, path, held: held?.length || undefined };
    }
    case 'held_released':
      return { type: event.type, project: names(event.project) };
    case 'history_counted': {
      const { done, failed, cancelled } = event;
      return { type: event.type, project: names(event.project), done, failed, cancelled };
    }
    case 'drop_rejected': {
      const { name, failed_as, reason, size } = event;
      const file = { name: words(name), failed_as: words(failed_as) };
      return { type: event.type, project: names(event.project), ...file, reason: words(reason), size };
    }
    case 'sink_gap':
      return { ...event, why: words(event.why) };
    case 'noted': {
      const { code, message, id } = event;
      return { type: event.type, code, message: words(message), project: named(event, names), task: id };
    }
  }
}

function queued(task: Extract<Event, { type: 'task_queued' }>['task'], names: ProjectNames): Saying {
  const { title, source, parent, retry_of, spec } = task;
  const { priority, group, tags } = spec;
  return {
    type: 'task_queued',
    ...refOf(task, names),
    ...{ title: words(title), priority, source },
    group: wordsIf(group),
    tags: tags.length > 0 ? tags.map(words) : undefined,
    parent: parent && `${names(parent.project)}/${parent.id}`,
    retry_of,
  };
}

function refOf({ project, id }: TaskRef, names: ProjectNames) {
  return { project: names(project), task: id };
}

function named({ project }: { readonly project?: ProjectId | undefined }, names: ProjectNames): string | undefined {
  return project === undefined ? undefined : names(project);
}
