import type { Event, JournalRecord } from '../model/event.ts';
import type { ProjectId } from '../model/ids.ts';
import { plainLine } from '../model/plain-text.ts';

/** What `notify_command` reads, as one line of JSON. */
export interface News {
  /** `blocked`: an agent waits for somebody. `limit`, `login`, `billing`: an account rests. `more`: too many to tell each. */
  readonly what: 'blocked' | 'limit' | 'login' | 'billing' | 'failed' | 'more';
  readonly task?: string;
  /** Its name. */
  readonly project?: string;
  readonly session?: string;
  /** For `yardmaster approve`, `deny` and `answer`. */
  readonly request?: string;
  readonly detail: string;
  /** What a person does about it. */
  readonly next: string;
  readonly at: string;
}

const MAX_DETAIL = 500;
const BY_A_PERSON = ['owner', 'person', 'attempt'];

type Of<T extends Event['type']> = Extract<Event, { type: T }>;

/**
 * What of a record somebody who is away wants to know. Not what a person did, and not a rest of seconds; what failed with
 * the task that it depended on is counted with that one.
 */
export function newsOf({ at, events, cause }: JournalRecord, projectName: (id: ProjectId) => string): News[] {
  const when = new Date(at).toISOString();
  const failures: Of<'task_finished'>[] = [];
  const news: News[] = [];
  for (const event of events) {
    if (event.type === 'task_blocked' && event.on !== 'interrupted') news.push(blocked(event, projectName, when));
    else if (event.type === 'profile_paused' && !BY_A_PERSON.includes(cause.by)) news.push(...rests(event, when));
    else if (event.type === 'task_finished' && event.outcome.state === 'failed' && !event.from_file)
      failures.push(event);
  }
  return [...news, ...failed(failures, projectName, when)];
}

/** In place of those that were too many. */
export function moreNews(missed: ReadonlyMap<News['what'], number>, at: number): News {
  const total = [...missed.values()].reduce((sum, count) => sum + count, 0);
  const kinds = [...missed].map(([what, count]) => `${count} ${what}`).join(', ');
  return {
    what: 'more',
    detail: `${total} more: ${kinds}`,
    next: 'yardmaster status',
    at: new Date(at).toISOString(),
  };
}

function blocked(
  { id, project, session, on, request, detail }: Of<'task_blocked'>,
  projectName: (id: ProjectId) => string,
  at: string,
): News {
  const look = session.includes('/') ? `yardmaster logs -f ${session}` : `yardmaster attach ${session}`; // without a terminal it is called by its task
  const answer = on === 'question' ? `yardmaster answer ${request}` : `yardmaster approve ${request}, or deny`;
  const next = request === undefined ? look : `${answer}; ${look}`;
  return {
    ...{ what: 'blocked', task: id, project: projectName(project), session },
    ...(request !== undefined && { request }),
    ...{ detail: clean(`${on}: ${detail}`), next, at },
  };
}

function rests({ agent, profile, why, reason, until }: Of<'profile_paused'>, at: string): News[] {
  if (why === 'busy' || why === 'person') return [];
  const end = until === undefined ? '' : `, until ${new Date(until).toISOString()}`;
  const detail = clean(`account ${profile} of ${agent}: ${reason}${end}`);
  const resume = `yardmaster profiles resume ${agent} ${profile}`;
  const next = until === undefined ? `see to its ${why}, then ${resume}` : 'yardmaster profiles list';
  return [{ what: why, detail, next, at }];
}

function failed(ends: readonly Of<'task_finished'>[], projectName: (id: ProjectId) => string, at: string): News[] {
  const own = ends.filter(({ outcome }) => outcome.state === 'failed' && outcome.error_class !== 'dependency');
  const told = own.length > 0 ? own : ends.slice(0, 1);
  const others = ends.length - told.length;
  return told.map(({ id, project, outcome }, n): News => {
    const also = n === 0 && others > 0 ? `; ${others} that depend on it failed with it` : '';
    const reason = outcome.state === 'failed' ? `${outcome.error_class}: ${outcome.reason}` : '';
    const name = projectName(project);
    return {
      ...{ what: 'failed', task: id, project: name },
      ...{
        detail: clean(reason, also),
        next: `yardmaster show ${name}/${id}; yardmaster retry ${name}/${id}`,
        at,
      },
    };
  });
}

function clean(text: string, more = ''): string {
  return `${plainLine(text).slice(0, MAX_DETAIL)}${more}`;
}
