import { randomUUID } from 'node:crypto';
import { mkdir, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { EXIT, Failure } from '../failure.ts';
import type { Block } from './clients.ts';
import { merge } from './merge.ts';

export type Written = 'written' | 'unchanged';

/** Puts the block into the client's file, or says why not; the file is whole at every moment. */
export async function writeBlock(path: string, block: Block, options: { replace: boolean }): Promise<Written> {
  const file = await realpath(path).catch(() => path); // dotfiles are often links; the link stays
  const merged = merge(await textOf(file), block);
  switch (merged.kind) {
    case 'same':
      return 'unchanged';
    case 'unclear':
      throw refused(path, merged.reason, 'Put the block in by hand: without --write it is printed.');
    case 'taken':
      if (options.replace) break;
      throw refused(
        path,
        'another server is there under the name yardmaster',
        'Add --replace to put this in its place.',
      );
    case 'new':
  }
  await put(file, merged.text);
  return 'written';
}

function refused(path: string, reason: string, next: string): Failure {
  return new Failure(EXIT.refused, `${path} is left as it is: ${reason}`, next);
}

async function textOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Failure(EXIT.refused, `${file} can't be read: ${(error as Error).message}`);
  }
}

async function put(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const mode = await stat(file).then(
    (found) => found.mode & 0o777,
    () => 0o600, // it may hold a token
  );
  const fresh = join(dirname(file), `.yardmaster-${randomUUID()}`);
  try {
    await writeFile(fresh, text, { mode, flag: 'wx', flush: true });
    await rename(fresh, file);
  } catch (error) {
    await rm(fresh, { force: true });
    throw new Failure(EXIT.refused, `${file} can't be written and is as it was: ${(error as Error).message}`);
  }
}
