import { basename, dirname, join } from 'node:path';
import type { Files } from '../ports.ts';
import { TEMP_PREFIX } from '../taskfile/names.ts';

/** Replaces a file so that a power cut leaves the old or the new one, whole; durable when it returns. */
export async function replaceDurably(files: Files, path: string, parts: Iterable<Uint8Array>): Promise<void> {
  const temp = join(dirname(path), `${TEMP_PREFIX}${basename(path)}`);
  await files.remove(temp); // what a crash left of an earlier try
  const file = await files.append(temp);
  try {
    for (const part of parts) await file.write(part);
    await file.sync();
  } catch (error) {
    await files.remove(temp).catch(() => undefined);
    throw error;
  } finally {
    await file.close();
  }
  await files.move(temp, path);
  await files.syncDir(dirname(path));
}

/** Copies a part of a file to a new one, durably; what is already there under that name stays. */
export async function keepCopy(
  files: Files,
  part: { path: string; offset: number; length: number },
  to: string,
): Promise<void> {
  await files.makeDir(dirname(to));
  await files.syncDir(dirname(dirname(to)));
  if ((await files.stat(to)) !== undefined) return;
  await replaceDurably(files, to, [(await files.readAt(part.path, part.offset, part.length)) ?? new Uint8Array()]);
}

/** Only a lock's holder writes in these folders, and it has not begun: what is unfinished there is of one that died. */
export async function sweepTemps(files: Files, dirs: readonly string[]): Promise<void> {
  for (const dir of dirs) {
    for (const { name, kind } of (await files.list(dir)) ?? [])
      if (kind === 'file' && name.startsWith(TEMP_PREFIX)) await files.remove(join(dir, name));
  }
}
