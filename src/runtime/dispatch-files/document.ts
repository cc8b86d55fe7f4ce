import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { TaskId } from '../model/ids.ts';
import { Dispatch, TaskSpec, type TaskSpecInput } from '../model/spec.ts';
import { isBlank } from '../taskfile/title.ts';
import type { JsonObject } from './json.ts';
import { type Unfit, unfit } from './unfit.ts';

/** Front matter that a dispatch file may have beside the fields of its own; the id is the only key against repetition. */
const Further = TaskSpec.omit({ agent: true, idempotency_key: true });
const FURTHER = Object.keys(Further.shape) as (keyof TaskSpecInput)[];

const isFolder = (path: string) => isAbsolute(path) || path === '~' || path.startsWith('~/');

/** Strict about types: nothing is converted. Keys that mean nothing to us are kept in the file and ignored. */
const Document = z.object({
  ...Further.shape,
  id: TaskId.refine((id) => /^dispatch-./.test(id), 'begins with "dispatch-"'),
  dispatched_by: Dispatch.shape.by.min(1),
  task: z.string().refine((task) => !isBlank(task), 'says what is to be done'),
  project: Dispatch.shape.project.min(1),
  project_dir: z.string().max(4_096).refine(isFolder, 'is an absolute path, or begins with ~/'),
  target_agent: z.string().min(1).max(100).optional(),
  clawvisor_task_id: Dispatch.shape.clawvisor_task_id,
  source_signature: z.string().max(200).optional(),
});
export type Document = z.infer<typeof Document>;

const REQUIRED = new Set(['id', 'dispatched_by', 'task', 'project', 'project_dir']);

export interface ReadDocument {
  readonly kind: 'document';
  readonly document: Document;
  /** What it says of the front matter's keys, as it was given. */
  readonly fields: TaskSpecInput;
}

export function readDocument(object: JsonObject): ReadDocument | Unfit {
  const given = Object.fromEntries(
    Object.entries(object).filter(([key, value]) => value !== null || REQUIRED.has(key)),
  );
  const read = Document.safeParse(given);
  if (!read.success) return unusable(read.error, given);
  const fields = Object.fromEntries(FURTHER.filter((key) => key in given).map((key) => [key, given[key]]));
  return { kind: 'document', document: read.data, fields: fields as TaskSpecInput };
}

function unusable({ issues }: z.ZodError, given: object): Unfit {
  const [issue] = issues;
  const path = issue?.path.join('.') ?? '';
  const [key = ''] = issue?.path ?? [];
  if (key in given) return unfit(`${path}: ${issue?.message ?? 'not usable'}`, 'Mend that field.', path);
  return unfit(`${path}: it is missing`, `Every dispatch file has ${[...REQUIRED].join(', ')}.`, path);
}
