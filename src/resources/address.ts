import type { TaskSummary } from '../runtime/model/view.ts';

export function taskUri({ project, id }: Pick<TaskSummary, 'project' | 'id'>): string {
  return `task://${encodeURIComponent(project)}/${encodeURIComponent(id)}`;
}
