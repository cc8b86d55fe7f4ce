import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { resolve } from 'node:path';

/** The file that `program` means: a path as seen from `cwd`, or the first executable of that name on `path`. */
export async function which(program: string, path: string | undefined, cwd: string): Promise<string | undefined> {
  const places = program.includes('/') ? [''] : (path ?? '').split(':').filter((place) => place !== '');
  for (const place of places) {
    const file = resolve(cwd, place, program);
    if (await isExecutable(file)) return file;
  }
  return undefined;
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}
