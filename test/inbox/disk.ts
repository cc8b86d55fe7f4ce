import { constants, promises as fs } from 'node:fs';
import { dirname, join } from 'node:path';
import type { FileStat, Files } from '../../src/runtime/ports.ts';

/** The little of the file system that an inbox needs, on a real disk. */
export const disk: Pick<
  Files,
  | 'read'
  | 'stat'
  | 'list'
  | 'readLink'
  | 'makeDir'
  | 'create'
  | 'move'
  | 'moveNew'
  | 'copyBehind'
  | 'remove'
  | 'sync'
  | 'syncDir'
> = {
  async read(path, limit) {
    const handle = await open(path);
    if (!handle) return undefined;
    try {
      if (!(await handle.stat()).isFile())
        throw Object.assign(new Error(`not a regular file: ${path}`), { code: 'EINVAL' });
      const bytes = await handle.readFile();
      return limit === undefined ? bytes : bytes.subarray(0, limit);
    } finally {
      await handle.close();
    }
  },
  stat: async (path) => {
    const stat = await missing(fs.lstat(path));
    return stat && { ...pick(stat), kind: kindOf(stat) };
  },
  list: async (dir) =>
    (await missing(fs.readdir(dir, { withFileTypes: true })))?.map((one) => ({ name: one.name, kind: kindOf(one) })),
  readLink: (path) => missing(fs.readlink(path)),
  makeDir: async (dir) => void (await fs.mkdir(dir, { recursive: true })),
  create: (path, bytes) => put(path, () => fs.writeFile(path, bytes, { flag: 'wx' })),
  move: async (from, to) => ((await missing(fs.rename(from, to).then(() => true))) ? 'moved' : 'missing'),
  async moveNew(from, to) {
    const linked = await put(to, async () => void (await fs.link(from, to)), true);
    if (linked === 'created') await fs.unlink(from);
    return linked === 'created' ? 'moved' : linked;
  },
  async copyBehind(header, from, to) {
    const bytes = await this.read(from);
    return bytes ? put(to, () => fs.writeFile(to, Buffer.concat([header, bytes]), { flag: 'wx' })) : 'missing';
  },
  remove: async (path) => ((await missing(fs.unlink(path).then(() => true))) ? 'removed' : 'missing'),
  sync: async () => undefined,
  syncDir: async () => undefined,
};

async function open(path: string) {
  return missing(fs.open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK));
}

async function put(path: string, act: () => Promise<void>): Promise<'created' | 'exists'>;
async function put(path: string, act: () => Promise<void>, mayMiss: true): Promise<'created' | 'exists' | 'missing'>;
async function put(_path: string, act: () => Promise<void>): Promise<'created' | 'exists' | 'missing'> {
  try {
    await act();
    return 'created';
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EEXIST') return 'exists';
    if (code === 'ENOENT') return 'missing';
    throw error;
  }
}

async function missing<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

interface Kinds {
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
}

function kindOf(one: Kinds): FileStat['kind'] {
  if (one.isFile()) return 'file';
  if (one.isDirectory()) return 'dir';
  return one.isSymbolicLink() ? 'link' : 'other';
}

function pick({ size, mtimeMs, ctimeMs, ino, nlink }: Omit<FileStat, 'kind'>) {
  return { size, mtimeMs, ctimeMs, ino, nlink };
}

/** As most programs put a file where others look: temp, then rename. */
export async function drop(dir: string, name: string, content: string | Uint8Array): Promise<void> {
  const temp = join(dirname(dir), `drop-${Math.random()}`);
  await fs.writeFile(temp, content);
  const past = new Date(Date.now() - 60_000);
  await fs.utimes(temp, past, past); // so that the rename is later than the write, whatever the clock's grain
  await fs.rename(temp, join(dir, name));
}
