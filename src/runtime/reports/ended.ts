import { keyOf, type TaskRef } from '../model/ids.ts';
import type { FinishedTask } from '../model/task.ts';
import type { TaskStore, TaskText } from '../ports.ts';
import { readHeader } from '../taskfile/header.ts';
import { readResult } from '../taskfile/result.ts';
import type { Fields } from '../taskfile/yaml.ts';
import type { Ended } from './report.ts';

type Store = Pick<TaskStore, 'get' | 'text' | 'open' | 'owns' | 'projects'>;

/**
 * A task that has ended, with what its file in done/ or failed/ says. Undefined where that can't be told now: it is open,
 * or its project is away. A file that a person has taken away since is done without.
 */
export async function readEnded(store: Store, ref: TaskRef): Promise<Ended | undefined> {
  if (store.open().has(keyOf(ref)) || !store.owns(ref.project)) return undefined;
  const text = await store.text(ref); // waits until the file is written
  const task = await store.get(ref);
  const project = store.projects().find(({ id }) => id === ref.project);
  if (!task || !('finished_at' in task) || !project) return undefined;
  return { task, project, ...(text ? fromFile(task, text) : { output_length: 0 }) };
}

function fromFile(task: FinishedTask, { bytes, path }: TaskText): Omit<Ended, 'task' | 'project'> {
  const done = task.state === 'done';
  const found = { folder: done ? 'done' : 'failed', id: task.id, mtimeMs: task.finished_at } as const;
  const read = readResult(bytes, found);
  const header = readHeader(Buffer.from(bytes).toString());
  const fields: Fields = 'refused' in header ? new Map() : header.fields;
  const output = done ? read.text : outputIn(read.text, read.source);
  return {
    result_path: path,
    output,
    output_length: output.length,
    ...texts(fields, ['model', 'session_id', 'verified', 'branch']),
    ...numbers(fields, ['exit_code', 'tokens']),
  };
}

const BEGINS = '\n## What the agent wrote\n\n';
const ENDS = '\n\n## The task as it was\n';

/** What the agent wrote before it failed: between our headings, the task itself taken off first. */
function outputIn(text: string, source: Uint8Array | undefined): string {
  const story = source ? text.slice(0, text.length - Buffer.from(source).toString().length) : text;
  const begin = story.indexOf(BEGINS);
  const end = story.lastIndexOf(ENDS);
  return begin < 0 || end < begin ? '' : story.slice(begin + BEGINS.length, end);
}

function texts<K extends string>(fields: Fields, keys: readonly K[]): { [P in K]?: string } {
  return pick(fields, keys, (value) => value);
}

function numbers<K extends string>(fields: Fields, keys: readonly K[]): { [P in K]?: number } {
  return pick(fields, keys, (value) => (Number.isFinite(Number(value)) ? Number(value) : undefined));
}

function pick<K extends string, V>(fields: Fields, keys: readonly K[], read: (value: string) => V | undefined) {
  const found = keys.flatMap((key) => {
    const value = fields.get(key);
    const meant = typeof value === 'string' && value !== '' ? read(value) : undefined;
    return meant === undefined ? [] : [[key, meant] as const];
  });
  return Object.fromEntries(found) as { [P in K]?: V };
}
