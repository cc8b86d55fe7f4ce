import { count, ofTask, text, told } from './event.ts';

const project = { project: ofTask.project };

/** Projects, what lies in their folders, and the runtime itself. */
export const QUEUE_EVENTS = {
  project_adopted: told('A project is known from now on.', {
    ...project,
    path: text,
    held: count.optional().describe('drops that lay there before and wait for `import`'),
  }),
  held_released: told('The drops that lay in a project before its first use may be taken.', project),
  history_counted: told('Finished tasks of an earlier home were found as files.', {
    ...project,
    done: count,
    failed: count,
    cancelled: count,
  }),
  drop_rejected: told('A dropped file can be no task.', {
    ...project,
    name: text.describe('of the file'),
    failed_as: text.describe('of the file in failed/'),
    reason: text,
    size: count,
  }),
  sink_gap: told('A sink was not told of some events; the journal has them.', {
    sink: text,
    from: count.describe('number of the first record'),
    to: count.describe('number of the last one'),
    count,
    why: text,
  }),
  noted: told('Something that a person may want to know.', {
    code: text,
    message: text,
    project: ofTask.project.optional(),
    task: ofTask.task.optional(),
  }),
};
