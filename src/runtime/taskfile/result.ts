import { TaskId } from '../model/ids.ts';
import { ErrorClass } from '../model/spec.ts';
import type { Evidence, FinishedTask, Patch, Workspace } from '../model/task.ts';
import type { Try } from '../model/try.ts';
import { readEvidence } from './evidence.ts';
import { readHeader } from './header.ts';
import { readPatch } from './patch.ts';
import { footerLine } from './render.ts';
import { readCost } from './spending.ts';
import { cleanTitle, titleOf } from './title.ts';
import { readTook, readTries } from './tries.ts';
import { readWorkspace } from './workspace.ts';
import type { Fields } from './yaml.ts';

/** Where a file of done/ or failed/ was found: what it does not say itself is taken from here. */
export interface FoundResult {
  readonly folder: 'done' | 'failed';
  readonly id: TaskId;
  readonly mtimeMs: number;
}

export interface ReadResult {
  readonly task: Omit<FinishedTask, 'project' | 'finished_seq'>;
  /** Below the front matter, without our footer: the result, or what happened and the task. */
  readonly text: string;
  /** The task's own bytes, where the file holds them. */
  readonly source?: Uint8Array;
  readonly session_id?: string;
  /** Set where this is no task at all but a drop that could not become one. */
  readonly rejected_file?: string;
  readonly verified: 'unverified' | 'passed';
  readonly evidence?: Evidence;
  readonly workspace?: Workspace;
  readonly patch?: Patch;
  /** Its newest attempts, oldest first. */
  readonly tries: readonly Try[];
  /** The result as data, as JSON text. */
  readonly structured?: string;
}

/** Reads what we, the seeds or people wrote. Never throws and never refuses: a file without a word of ours is all result. */
export function readResult(bytes: Uint8Array, found: FoundResult): ReadResult {
  const text = Buffer.from(bytes)
    .toString()
    .replace(/^\ufeff/, '');
  const header = readHeader(text);
  const [fields, body]: [Fields, string] = 'refused' in header ? [new Map(), text] : [header.fields, header.body];
  const get = reader(fields);
  const task = readTask(get, fields, body, found);
  const evidence = readEvidence(fields);
  return {
    task,
    text: found.folder === 'done' ? withoutFooter(body, get) : body,
    ...given('source', sourceIn(bytes, get)),
    ...given('session_id', get('session_id')),
    ...given('rejected_file', get('rejected_file')),
    ...given('workspace', readWorkspace(get)),
    ...given('patch', readPatch(get)),
    verified: get('verified') === 'passed' ? 'passed' : 'unverified',
    ...given('evidence', evidence),
    tries: readTries(fields),
    ...given('structured', get('structured')),
  };
}

type Get = (...keys: string[]) => string | undefined;

function reader(fields: Fields): Get {
  return (...keys) => {
    for (const key of keys) {
      const value = fields.get(key);
      if (typeof value === 'string' && value !== '') return value;
    }
    return undefined;
  };
}

function readTask(get: Get, fields: Fields, body: string, found: FoundResult): ReadResult['task'] {
  const finished_at = time(get('finished_at', 'completed_at', 'failed_at')) ?? Math.round(found.mtimeMs);
  const started_at = time(get('started_at', 'delegated_at'));
  const tags = fields.get('tags');
  return {
    id: found.id,
    state: stateOf(get('status'), found.folder),
    title: cleanTitle(get('title') ?? '') || titleOf(body) || found.id,
    priority: get('priority') ?? 'default',
    sha: get('source_sha256') ?? '',
    queued_at: time(get('queued_at')) ?? started_at ?? finished_at,
    finished_at,
    attempts: number(get('attempts')) ?? 1,
    ...given('started_at', started_at),
    ...given('tags', Array.isArray(tags) ? tags.filter((tag) => typeof tag === 'string') : undefined),
    ...given('group', get('group')),
    ...given('reason', get('failed_reason', 'reason', 'error')),
    ...given('error_class', ErrorClass.safeParse(get('error_class')).data),
    ...given('agent', get('agent')),
    ...given('provider', get('provider')),
    ...given('model', get('model')),
    ...given('job_id', get('job_id')),
    ...given('cost_usd', number(get('cost_usd'))),
    ...given('cost_cad', number(get('cost_cad'))),
    ...given('cost', readCost(get)),
    ...given('took', readTook(fields)),
    ...given('verified', get('verified') === 'passed' ? ('passed' as const) : undefined),
    ...given('retry_of', TaskId.safeParse(get('retry_of')).data),
  };
}

/** The folder decides; within failed/ the header tells a cancelled task from a failed one. */
function stateOf(status: string | undefined, folder: FoundResult['folder']): FinishedTask['state'] {
  if (folder === 'done') return 'done';
  return status === 'cancelled' || status === 'canceled' ? 'cancelled' : 'failed';
}

function withoutFooter(body: string, get: Get): string {
  const provider = get('provider');
  if (provider === undefined) return body;
  const tail = footerLine(provider, get('cost_cad'));
  return body.endsWith(tail) ? body.slice(0, -tail.length) : body;
}

function sourceIn(bytes: Uint8Array, get: Get): Uint8Array | undefined {
  const size = number(get('source_bytes'));
  if (size === undefined || get('moved_to') !== undefined || !Number.isInteger(size)) return undefined;
  return size >= 0 && size <= bytes.length ? bytes.subarray(bytes.length - size) : undefined;
}

function time(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const plain = number(text);
  const at = plain === undefined ? Date.parse(text) : plain < 1e11 ? plain * 1_000 : plain;
  return Number.isFinite(at) && Math.abs(at) < 8e15 ? Math.round(at) : undefined;
}

function number(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
}

function given<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: V };
}
