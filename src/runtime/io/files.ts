import { randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import {
  chmod,
  constants,
  type FileHandle,
  mkdir,
  open,
  readdir,
  readlink,
  rename,
  rmdir,
  unlink,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorCode, FileTooLarge } from '../model/file-error.ts';
import type { AppendFile, FileStat, Files } from '../ports.ts';
import { openAppend, openRegular, writeAll } from './append-file.ts';
import {
  createSoon,
  moveNewNow,
  moveNow,
  readAtNow,
  readNow,
  removeNow,
  replaceSoon,
  statNow,
  TEMP_PREFIX,
} from './at-once.ts';

const READ_AT_ONCE = 256 * 1024;
const READ_PART_AT_ONCE = 64 * 1024;
const WRITE_AT_ONCE = 256 * 1024;
const COPY_CHUNK = 256 * 1024;

export interface DiskModes {
  /** Mode of new files before the umask; 0600 under the home, the user's own umask in projects. */
  readonly file?: number;
  readonly dir?: number;
}

/** The real file system. */
export class DiskFiles implements Files {
  private readonly fileMode: number;
  private readonly dirMode: number;

  constructor(modes: DiskModes = {}) {
    this.fileMode = modes.file ?? 0o666;
    this.dirMode = modes.dir ?? 0o777;
  }

  async read(path: string, limit = Number.POSITIVE_INFINITY): Promise<Uint8Array | undefined> {
    const small = readNow(path, Math.min(limit, READ_AT_ONCE));
    if (small !== 'later') return small === 'missing' ? undefined : small;
    const handle = await openRegular(path, constants.O_RDONLY);
    if (handle === undefined) return undefined;
    try {
      if ((await handle.stat()).size > limit) throw new FileTooLarge(path, limit);
      const bytes = await handle.readFile();
      if (bytes.length > limit) throw new FileTooLarge(path, limit); // it grew meanwhile
      return bytes;
    } finally {
      await handle.close();
    }
  }

  async readAt(path: string, offset: number, length: number): Promise<Uint8Array | undefined> {
    const small = length <= READ_PART_AT_ONCE ? readAtNow(path, offset, length) : 'later';
    if (small !== 'later') return small === 'missing' ? undefined : small;
    const handle = await openRegular(path, constants.O_RDONLY);
    if (handle === undefined) return undefined;
    try {
      const room = Math.max(0, Math.min(length, (await handle.stat()).size - offset));
      const bytes = Buffer.allocUnsafe(room);
      const filled = await fill(handle, bytes, offset);
      return bytes.subarray(0, filled);
    } finally {
      await handle.close();
    }
  }

  async stat(path: string): Promise<FileStat | undefined> {
    const found = statNow(path);
    if (found === undefined) return undefined;
    const { size, mtimeMs, ctimeMs, ino, nlink } = found;
    return { kind: kindOf(found), size, mtimeMs, ctimeMs, ino, nlink };
  }

  async readLink(path: string): Promise<string | undefined> {
    return (await this.stat(path))?.kind === 'link' ? orUndefined(readlink(path)) : undefined;
  }

  async list(dir: string): Promise<{ name: string; kind: FileStat['kind'] }[] | undefined> {
    if ((await this.stat(dir))?.kind !== 'dir') return undefined; // readdir would follow a link
    const entries = await orUndefined(readdir(dir, { withFileTypes: true }));
    return entries?.map((entry) => ({ name: entry.name, kind: kindOf(entry) }));
  }

  async makeDir(dir: string): Promise<void> {
    await mkdir(dir, { recursive: true, mode: this.dirMode });
    if ((await this.stat(dir))?.kind !== 'dir') throw new Error(`${dir} is a symbolic link, not a folder`);
  }

  async makeNewDir(dir: string): Promise<'created' | 'exists'> {
    try {
      await mkdir(dir, { mode: this.dirMode });
      return 'created';
    } catch (error) {
      if (errorCode(error) === 'EEXIST') return 'exists';
      throw error;
    }
  }

  async removeDir(dir: string): Promise<void> {
    await orUndefined(rmdir(dir));
  }

  async replace(path: string, bytes: Uint8Array, mode?: 'same_mode'): Promise<void> {
    const before = mode === 'same_mode' ? statNow(path) : undefined;
    if (bytes.length <= WRITE_AT_ONCE && before === undefined) return replaceSoon(path, bytes, this.fileMode);
    const temp = await this.writeTemp(dirname(path), [bytes]);
    if (before !== undefined) await orRemove(temp, chmod(temp, before.mode & 0o7777));
    await orRemove(temp, rename(temp, path));
  }

  async create(path: string, bytes: Uint8Array): Promise<'created' | 'exists'> {
    if (bytes.length <= WRITE_AT_ONCE) return createSoon(path, bytes, this.fileMode);
    const temp = await this.writeTemp(dirname(path), [bytes]);
    return (await orRemove(temp, this.moveNew(temp, path))) === 'exists' ? 'exists' : 'created';
  }

  async move(from: string, to: string): Promise<'moved' | 'missing'> {
    return moveNow(from, to);
  }

  async moveNew(from: string, to: string): Promise<'moved' | 'missing' | 'exists'> {
    return moveNewNow(from, to);
  }

  async copyBehind(header: Uint8Array, from: string, to: string): Promise<'created' | 'exists' | 'missing'> {
    const source = await openRegular(from, constants.O_RDONLY);
    if (source === undefined) return 'missing';
    try {
      if ((await this.stat(to)) !== undefined) return 'exists';
      const temp = await this.writeTemp(dirname(to), copied(header, source));
      return (await orRemove(temp, this.moveNew(temp, to))) === 'exists' ? 'exists' : 'created';
    } finally {
      await source.close();
    }
  }

  async remove(path: string): Promise<'removed' | 'missing'> {
    return removeNow(path);
  }

  async sync(path: string): Promise<void> {
    const handle = await openRegular(path, constants.O_RDONLY);
    if (handle === undefined) throw new Error(`${path} is gone before it could be synced`);
    await syncAndClose(handle);
  }

  async syncDir(dir: string): Promise<void> {
    await syncAndClose(await open(dir, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW));
  }

  append(path: string): Promise<AppendFile> {
    return openAppend(path, this.fileMode);
  }

  private async writeTemp(dir: string, parts: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<string> {
    const temp = join(dir, `${TEMP_PREFIX}${randomBytes(8).toString('hex')}`);
    const handle = await open(temp, 'wx', this.fileMode);
    try {
      for await (const part of parts) await writeAll(handle, part);
    } catch (error) {
      await unlink(temp).catch(() => undefined);
      throw error;
    } finally {
      await handle.close();
    }
    return temp;
  }
}

/** Runs the last step of a temp file; whatever comes of it, no temp stays behind. */
async function orRemove<T>(temp: string, step: Promise<T>): Promise<T> {
  try {
    const result = await step;
    if (result === 'exists') await unlink(temp);
    return result;
  } catch (error) {
    await unlink(temp).catch(() => undefined);
    throw error;
  }
}

async function* copied(header: Uint8Array, source: FileHandle): AsyncGenerator<Uint8Array> {
  yield header;
  const chunk = Buffer.allocUnsafe(COPY_CHUNK);
  for (let offset = 0; ; ) {
    const filled = await fill(source, chunk, offset);
    if (filled === 0) return;
    yield chunk.subarray(0, filled);
    offset += filled;
  }
}

async function fill(handle: FileHandle, bytes: Uint8Array, offset: number): Promise<number> {
  let filled = 0;
  while (filled < bytes.length) {
    const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}

async function syncAndClose(handle: FileHandle): Promise<void> {
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function orUndefined<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

function kindOf(entry: Pick<Stats, 'isFile' | 'isDirectory' | 'isSymbolicLink'>): FileStat['kind'] {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'dir';
  return entry.isSymbolicLink() ? 'link' : 'other';
}
