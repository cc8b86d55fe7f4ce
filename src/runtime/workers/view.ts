import type { WorkerState } from '../fleet-workers.ts';
import type { LiveTask } from '../model/task.ts';
import type { WorkerView } from '../worker-desk.ts';

export function viewOf(state: WorkerState, asks: number, tasks: readonly LiveTask[]): WorkerView {
  const { name, title, capabilities, max, files } = state.worker;
  return {
    ...{ name, capabilities, max, files, asks },
    state: state.away !== undefined ? 'offline' : tasks.length > 0 ? 'working' : 'idle',
    ...(title !== undefined && { title }),
    ...(state.heard_at !== undefined && { heard_at: state.heard_at }),
    ...(state.away !== undefined && { detail: state.away }),
    tasks: tasks.map((task) => ({
      ref: { project: task.project, id: task.id },
      title: task.title,
      attempt: task.attempt,
      since: task.state === 'running' ? task.started_at : task.claimed_at,
    })),
  };
}
