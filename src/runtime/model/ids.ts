import { z } from 'zod';

const MAX_STEM_BYTES = 180; // leaves room for `.md.dispatched` and a temp suffix within a 255-byte file name

const PLAIN = /^[A-Za-z0-9_][A-Za-z0-9_-]{0,100}$/;

/** Why a stem can't be a task id, or nothing when it can. The id is a file name and part of a URI, so it is kept plain. */
export function taskIdProblem(stem: string): string | undefined {
  if (PLAIN.test(stem)) return undefined; // nearly all of them; the questions below are not cheap
  if (stem === '') return 'it is empty';
  if (Buffer.byteLength(stem) > MAX_STEM_BYTES) return `it is longer than ${MAX_STEM_BYTES} bytes`;
  if (/[\p{C}\p{Zl}\p{Zp}/\\]/u.test(stem)) return 'it contains a control character, a slash or a backslash';
  if (!/^[\p{L}\p{N}_]/u.test(stem)) return 'it does not start with a letter, a digit or an underscore';
  if (stem.includes('..')) return 'it contains ".."';
  if (/[ .]$/.test(stem)) return 'it ends with a space or a dot';
  if (!/^[\p{L}\p{N}\p{M}_ .@+=,()#~-]+$/u.test(stem))
    return 'only letters, digits, spaces and _ . @ + = , ( ) # ~ - are allowed';
  return undefined;
}

export const TaskId = z
  .string()
  .superRefine((stem, ctx) => {
    const problem = taskIdProblem(stem);
    if (problem) ctx.addIssue({ code: 'custom', message: `not a usable task id: ${problem}` });
  })
  .brand<'TaskId'>();
export type TaskId = z.infer<typeof TaskId>;

/** Minted when a project is first seen; kept in `.agent-queue/.project.json`, so that it outlives the home. */
export const ProjectId = z
  .string()
  .regex(/^p_[0-9a-f]{12}$/)
  .brand<'ProjectId'>();
export type ProjectId = z.infer<typeof ProjectId>;

/** `{project, id}` names a task: two projects may have the same task id. */
export const TaskRef = z.object({ project: ProjectId, id: TaskId });
export type TaskRef = z.infer<typeof TaskRef>;

export type TaskKey = string & { readonly __brand: 'TaskKey' };

export function keyOf(ref: TaskRef): TaskKey {
  return `${ref.project}/${ref.id}` as TaskKey;
}
