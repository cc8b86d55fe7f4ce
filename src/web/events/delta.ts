import type { Event, JournalRecord } from '../../runtime/model/event.ts';
import type { ProjectId } from '../../runtime/model/ids.ts';
import type { Caller } from '../../runtime/yard.ts';

/*
 * A record as a stream shows it. What belongs to the journal alone stays there: the bytes of tasks, results, the
 * tokens of attempts and the names of calls.
 */

type Shown = { readonly type: string } & Readonly<Record<string, unknown>>;
type Names = (id: ProjectId) => string;

export interface Delta {
  readonly seq: number;
  /** As the caller may see it, ready to be sent; undefined where nothing of it is the caller's to see. */
  textFor(caller: Caller): string | undefined;
  /** Roughly, in bytes. */
  readonly size: number;
}

export function deltaOf({ seq, at, cause, events }: JournalRecord, projectName: Names): Delta {
  const shown = events.map((event) => ({ of: projectOf(event), event: show(event, projectName) }));
  const text = (those: readonly { event: Shown | undefined }[]): string | undefined => {
    const seen = those.flatMap(({ event }) => event ?? []);
    if (seen.length === 0) return undefined;
    return frame('change', seq, { seq, at: new Date(at).toISOString(), by: cause.by, events: seen });
  };
  const whole = text(shown);
  return {
    seq,
    size: 200 + 2 * (whole?.length ?? 0),
    textFor: (caller) =>
      caller.principal === 'owner' ? whole : text(shown.filter(({ of }) => of === caller.task.project)),
  };
}

/** One event of the stream, as `EventSource` reads it. */
export function frame(event: string, id: number, data: unknown): string {
  return `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

function projectOf(event: Event): ProjectId | undefined {
  if ('task' in event && event.type !== 'task_edited') return event.task.project;
  if (event.type === 'project_adopted') return event.project.id;
  return 'project' in event ? event.project : undefined;
}

function show(event: Event, projectName: Names): Shown | undefined {
  const { type } = event;
  switch (type) {
    case 'project_adopted': {
      const { name, path, held } = event.project;
      return { type, project: name, path, ...(held?.length && { held: held.length }) };
    }
    case 'task_queued':
    case 'task_found': {
      const { project, id, title, state, spec, source, parent } = event.task;
      const { priority, group, tags } = spec;
      return {
        ...{ type, project: projectName(project), id, title, state, priority, source },
        ...(group !== undefined && { group }),
        ...(tags.length > 0 && { tags }),
        ...(parent && { parent: parent.id }),
      };
    }
    case 'task_edited':
      return { type, project: projectName(event.project), id: event.id, title: event.task.title };
    case 'task_carried':
      return undefined; // the journal's own housekeeping
    case 'task_claimed': {
      const { token: _, sha: __, route, project, ...rest } = event;
      const { rules: ___, ...place } = route;
      return { ...rest, project: projectName(project), route: place };
    }
    case 'task_finished': {
      const { outcome, project, from_file: _, ...rest } = event;
      return { ...rest, project: projectName(project), ...withoutTexts(outcome) };
    }
    default: {
      const { project, ...rest } = event as typeof event & { project?: ProjectId };
      return { ...rest, ...(project !== undefined && { project: projectName(project) }) };
    }
  }
}

/** A result may be long and is another agent's text: `job_status` shows it, marked as such. */
function withoutTexts(outcome: Extract<Event, { type: 'task_finished' }>['outcome']): Record<string, unknown> {
  switch (outcome.state) {
    case 'done': {
      const { result: _, ...facts } = outcome;
      return facts;
    }
    case 'failed': {
      const { output: _, ...facts } = outcome;
      return facts;
    }
    case 'cancelled':
      return outcome;
  }
}
