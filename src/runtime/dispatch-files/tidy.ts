import { join } from 'node:path';
import type { Config } from '../model/config.ts';
import type { Clock, Files, TaskStore } from '../ports.ts';
import { readJson } from './json.ts';
import type { IntakeFolder } from './places.ts';

export interface TidyPorts {
  readonly files: Files;
  readonly clock: Clock;
  readonly store: Pick<TaskStore, 'open'>;
  readonly config: Config;
}

const EVERY_MS = 3_600_000;

/**
 * Clears away what lies in accepted/ for longer than `retention.runs`, as its run directory is: the task and its result are
 * in done/ or failed/. A file whose task is still open stays; rejected files and reports stay for ever.
 */
export function tidier({ files, clock, store, config }: TidyPorts): (folder: IntakeFolder) => Promise<void> {
  const last = new Map<string, number>();
  return async ({ accepted }) => {
    const keep = config.retention.runs;
    const now = clock.now();
    const before = last.get(accepted);
    if (before === undefined) last.set(accepted, now); // not at the start, which has enough to do
    if (keep === 'forever' || before === undefined || now - before < EVERY_MS) return;
    last.set(accepted, now);
    const open = new Set([...store.open().values()].flatMap(({ dispatch }) => (dispatch ? [dispatch.id] : [])));
    for (const { name } of (await files.list(accepted)) ?? []) {
      const path = join(accepted, name);
      const stat = await files.stat(path);
      if (stat?.kind !== 'file' || now - stat.ctimeMs < keep) continue;
      const id = await idIn(files, path);
      if (id === undefined || !open.has(id)) await files.remove(path);
    }
  };
}

async function idIn(files: Files, path: string): Promise<string | undefined> {
  const read = readJson((await files.read(path)) ?? new Uint8Array());
  return read.kind === 'read' && typeof read.object.id === 'string' ? read.object.id : undefined;
}
