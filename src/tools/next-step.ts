import type { TaskSummary } from '../runtime/model/view.ts';

/** The call that a task's state suggests; written so that it can be copied. `read`: its result or log is beside it. */
export function nextStep(
  task: Pick<TaskSummary, 'id' | 'project' | 'state' | 'waiting' | 'error_class'>,
  read = false,
): string {
  const name = `id: ${JSON.stringify(task.id)}, project: ${JSON.stringify(task.project)}`;
  switch (task.state) {
    case 'queued':
      if (task.waiting?.reason === 'no_eligible_agent')
        return `no configured agent can take it; why: decide_route {${name}}`;
      return `job_status {${name}, wait_seconds: 45}`;
    case 'claimed':
    case 'running':
      return `job_status {${name}, wait_seconds: 45}`;
    case 'unknown':
      return `started by somebody else, outcome not known; look at its workspace, then retry_task {${name}} or cancel_task {${name}}`;
    case 'done':
      return `job_status {${name}, detail: "result"}`;
    case 'failed':
      if (task.error_class === 'unconfirmed')
        return `look for it at its provider first: retry_task {${name}} may do it a second time`;
      if (read)
        return `retry_task {${name}} runs it again as it is, or with agent, model, instructions, conversation; enqueue_task takes a better text`;
      return `read why: job_status {${name}, detail: "result"}; then retry_task {${name}}, with changes where the same would fail again, or enqueue_task with a better text`;
    case 'cancelled':
      return `retry_task {${name}} makes it a new task`;
  }
}
