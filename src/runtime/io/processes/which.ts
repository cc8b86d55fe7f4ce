import { accessSync, constants, statSync } from 'node:fs';
import { resolve } from 'node:path';

/** The file that `program` means: a path as seen from `cwd`, or the first executable of that name on `path`. */
export function which(program: string, path: string | undefined, cwd: string): string | undefined {
  const places = program.includes('/') ? [''] : (path ?? '').split(':').filter((place) => place !== '');
  return places.map((place) => resolve(cwd, place, program)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return false;
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
