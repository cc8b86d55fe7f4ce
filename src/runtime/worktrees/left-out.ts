import { join } from 'node:path';
import type { Files } from '../ports.ts';

const MAX_ATTRIBUTES = 262_144;

/** What a new worktree has only when somebody fetches it: that is left to the task. */
export async function leftOut(files: Pick<Files, 'stat' | 'read'>, path: string): Promise<string | undefined> {
  const submodules = await files.stat(join(path, '.gitmodules'));
  const attributes = await files.read(join(path, '.gitattributes'), MAX_ATTRIBUTES).catch(() => undefined);
  const large = attributes !== undefined && Buffer.from(attributes).includes('filter=lfs');
  const what = [
    ...(submodules ? ['its submodules (git submodule update --init)'] : []),
    ...(large ? ['the contents of its LFS files (git lfs pull)'] : []),
  ];
  return what.length > 0 ? what.join(' and ') : undefined;
}
