import type { z } from 'zod';
import type { Config } from './model/config.ts';
import type { Project } from './model/event.ts';
import { TaskId } from './model/ids.ts';
import { isRefusal, type Refusal, refuse } from './model/refusal.ts';
import { TaskSpec } from './model/spec.ts';
import { refuseSchema } from './policy/result-schema/understand.ts';
import { verifyCommand } from './policy/verify-command.ts';
import type { NewTask } from './ports.ts';
import { composeTask } from './taskfile/compose.ts';
import { titleFor } from './taskfile/title.ts';
import type { Caller, NewTaskInput } from './yard.ts';

/** A call's arguments become the file that a person could have dropped; reading that file gives the same task. */
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
  const spec = TaskSpec.safeParse(fields);
  if (!spec.success) return unusable(spec.error);
  const unfit = unfitCheck(spec.data, config);
  if (unfit) return unfit;
  const title = titleFor(spec.data, body);
  if (title === '') return refuse('invalid', 'body: it is empty, and there is no title', 'say what is to be done');
  const child = caller.principal === 'attempt' ? { parent: caller.task, depth: caller.depth + 1 } : {};
  return {
    project: project.id,
    ...(id && { id: id.data }),
    spec: spec.data,
    title,
    bytes,
    source: 'call',
    enqueued_by: caller.name,
    ...child,
  };
}

/** What can't be checked is refused while somebody is there to mend it. */
function unfitCheck({ verify, result_schema }: TaskSpec, { checks }: Config): Refusal | undefined {
  const argv = verify === undefined ? undefined : verifyCommand(verify, { checks, free: true });
  if (isRefusal(argv)) return argv;
  return result_schema && refuseSchema(result_schema);
}

function unusable(error: z.ZodError): Refusal {
  const issue = error.issues[0];
  return refuse(
    'invalid',
    `${issue?.path.join('.') ?? 'task'}: ${issue?.message ?? 'not usable'}`,
    'mend that field and call again',
  );
}
