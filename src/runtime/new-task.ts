import type { Config } from './model/config.ts';
import type { Project } from './model/event.ts';
import { TaskId } from './model/ids.ts';
import { isRefusal, type Refusal, refuse } from './model/refusal.ts';
import type { NewTask } from './ports.ts';
import { composeTask } from './taskfile/compose.ts';
import { parseTask } from './taskfile/parse.ts';
import type { Caller, NewTaskInput } from './yard.ts';

/** A call's arguments become the file that a person could have dropped, and are read back from it: one meaning for both. */
export function newTask(project: Project, input: NewTaskInput, caller: Caller, config: Config): NewTask | Refusal {
  const { id: wanted, body, ...fields } = input;
  const id = wanted === undefined ? undefined : TaskId.safeParse(wanted);
  if (id && !id.success)
    return refuse(
      'invalid',
      `id: ${id.error.issues[0]?.message ?? 'not usable'}`,
      'leave id out to get one made from the title',
    );
  const bytes = composeTask(fields, body);
  const { max_task_bytes } = config.limits;
  if (bytes.length > max_task_bytes) {
    return refuse(
      'invalid',
      `body: the task has ${bytes.length} bytes; the limit is ${max_task_bytes}`,
      'put the material into files and name their paths',
    );
  }
  const parsed = parseTask(bytes);
  if (isRefusal(parsed)) return parsed;
  const child = caller.principal === 'attempt' ? { parent: caller.task, depth: caller.depth + 1 } : {};
  return {
    project: project.id,
    ...(id && { id: id.data }),
    spec: parsed.spec,
    title: parsed.title,
    bytes,
    source: 'call',
    enqueued_by: caller.name,
    ...child,
  };
}
