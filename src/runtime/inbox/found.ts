import type { z } from 'zod';
import type { TaskId } from '../model/ids.ts';
import type { Files } from '../ports.ts';
import type { QueueLayout } from '../taskfile/layout.ts';
import { AttemptFile, Marker, readJson } from '../taskfile/marker.ts';
import { classify } from '../taskfile/names.ts';

/** What somebody left in an inbox: an earlier runtime, another home, or the programs that came before. */
export type Leftover =
  /** `.md.dispatched`; without an attempt file nobody of ours started it, and whether it runs is unknown. */
  | { readonly kind: 'dispatched'; readonly id: TaskId; readonly attempt?: AttemptFile; readonly mtimeMs: number }
  /** `.md.delegated`; `marker` is absent where it can't be read. */
  | {
      readonly kind: 'delegated';
      readonly id: TaskId;
      readonly marker?: Marker;
      /** The task's own file: beside it as `.md`, or `.md.dispatched`, or lost. */
      readonly task: 'md' | 'dispatched' | 'missing';
      readonly mtimeMs: number;
    }
  /** An attempt file whose task has no `.md.dispatched`. */
  | { readonly kind: 'attempt'; readonly id: TaskId; readonly attempt?: AttemptFile }
  /** A name whose stem can't be a task's id: only a person can say what it is. */
  | { readonly kind: 'unusable'; readonly name: string; readonly problem: string };

const MAX_JSON_BYTES = 65_536;

/** Reads what lies there and decides nothing. `isKnown` names tasks that the journal explains. */
export async function findLeftovers(
  files: Files,
  queue: QueueLayout,
  isKnown: (id: TaskId) => boolean,
): Promise<Leftover[]> {
  const listed = new Set((await files.list(queue.inbox))?.flatMap(({ name, kind }) => (kind === 'file' ? [name] : [])));
  const found: Leftover[] = [];
  for (const name of [...listed].sort()) {
    const entry = classify(name);
    if (entry.kind === 'unusable' && entry.as !== 'task')
      found.push({ kind: 'unusable', name, problem: entry.problem });
    if (!('id' in entry) || entry.kind === 'task' || isKnown(entry.id)) continue;
    found.push(...(await read(files, queue, listed, entry.kind, entry.id)));
  }
  return found;
}

async function read(
  files: Files,
  queue: QueueLayout,
  listed: ReadonlySet<string>,
  kind: 'dispatched' | 'delegated' | 'attempt',
  id: TaskId,
): Promise<Leftover[]> {
  const has = (suffix: string) => listed.has(`${id}${suffix}`);
  switch (kind) {
    case 'dispatched': {
      if (has('.md.delegated')) return []; // told with the marker
      const attempt = has('.attempt.json') ? await readAt(files, queue.attempt(id), AttemptFile) : undefined;
      const mtimeMs = await writtenAt(files, queue.dispatched(id));
      return [{ kind, id, mtimeMs, ...(attempt ? { attempt } : {}) }];
    }
    case 'delegated': {
      const marker = await readAt(files, queue.delegated(id), Marker);
      const task = has('.md') ? 'md' : has('.md.dispatched') ? 'dispatched' : 'missing';
      return [{ kind, id, task, mtimeMs: await writtenAt(files, queue.delegated(id)), ...(marker ? { marker } : {}) }];
    }
    case 'attempt': {
      if (has('.md.dispatched')) return [];
      const attempt = await readAt(files, queue.attempt(id), AttemptFile);
      return [{ kind, id, ...(attempt ? { attempt } : {}) }];
    }
  }
}

async function readAt<T extends z.ZodType>(files: Files, path: string, schema: T): Promise<z.infer<T> | undefined> {
  const bytes = await files.read(path, MAX_JSON_BYTES).catch(() => undefined);
  return bytes && readJson(schema, bytes);
}

async function writtenAt(files: Files, path: string): Promise<number> {
  return (await files.stat(path))?.mtimeMs ?? 0;
}
