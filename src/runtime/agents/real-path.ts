import { dirname, isAbsolute, join, resolve } from 'node:path';
import type { Files } from '../ports.ts';

const MOST_LINKS = 40;

/** Where a path leads to behind all symbolic links, whether or not its last part is there. Undefined for links in a circle. */
export async function realPath(files: Pick<Files, 'readLink'>, path: string): Promise<string | undefined> {
  let rest = resolve(path).split('/').filter(Boolean);
  let real = '/';
  for (let links = 0; rest.length > 0; ) {
    const [part = '', ...further] = rest;
    const next = join(real, part);
    const target = await files.readLink(next);
    if (target === undefined) {
      real = next;
      rest = further;
      continue;
    }
    if (++links > MOST_LINKS) return undefined;
    const goesOn = isAbsolute(target) ? target : join(real, target);
    rest = [...resolve(goesOn).split('/').filter(Boolean), ...further];
    real = '/';
  }
  return real;
}

/** A folder and all that it lies in. */
export function withParents(folder: string): string[] {
  const parent = dirname(folder);
  return parent === folder ? [folder] : [folder, ...withParents(parent)];
}
