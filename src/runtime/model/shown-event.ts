import type { Event } from './event.ts';
import type { ProjectId } from './ids.ts';

/*
 * An event as people and programs are shown it. What belongs to the journal alone stays there: the bytes of tasks, the
 * texts of results, the tokens of attempts.
 */

export type ShownEvent = { readonly type: string } & Readonly<Record<string, unknown>>;
export type ProjectNames = (id: ProjectId) => string;

export function projectOf(event: Event): ProjectId | undefined {
  if ('task' in event && event.type !== 'task_edited') return event.task.project;
  if (event.type === 'project_adopted') return event.project.id;
  return 'project' in event ? event.project : undefined;
}

export function showEvent(event: Event, projectName: ProjectNames): ShownEvent | undefined {
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
    case 'worker_registered': {
      const { key_sha: _, projects, ...worker } = event.worker;
      return { type, ...worker, ...(projects && { projects: projects.map(projectName) }) };
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
