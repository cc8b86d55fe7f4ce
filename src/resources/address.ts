import type { TaskSummary } from '../runtime/model/view.ts';

export type BoxName = 'inbox' | 'done' | 'failed';

export const EVENTS_URI = 'events://recent';

export function taskUri({ project, id }: Pick<TaskSummary, 'project' | 'id'>): string {
  return `task://${encodeURIComponent(project)}/${encodeURIComponent(id)}`;
}

/** Of all projects, or of the one that is named. */
export function queueUri(box: BoxName, project?: string): string {
  return project === undefined ? `queue://${box}` : `queue://${encodeURIComponent(project)}/${box}`;
}

export function sessionUri(name: string): string {
  return `session://${encodeURIComponent(name)}`;
}
