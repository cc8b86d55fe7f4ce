import { constants, type FileHandle, open } from 'node:fs/promises';
import { errorCode, NotARegularFile } from '../model/file-error.ts';
import type { AppendFile } from '../ports.ts';

/** O_NONBLOCK: opening a named pipe must fail or return, never wait for a writer. */
const GUARD = constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Opens a plain file without following a link; undefined where nothing is. */
export async function openRegular(path: string, flags: number, mode?: number): Promise<FileHandle | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(path, flags | GUARD, mode);
  } catch (error) {
    switch (errorCode(error)) {
      case 'ENOENT':
      case 'ENOTDIR':
        if (flags & constants.O_CREAT) throw error;
        return undefined;
      case 'ELOOP':
        throw new NotARegularFile(path, 'a symbolic link');
      case 'ENXIO':
        throw new NotARegularFile(path, 'a pipe or a socket');
      case 'EISDIR':
        throw new NotARegularFile(path, 'a folder');
      default:
        throw error;
    }
  }
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw new NotARegularFile(path, 'a folder, a pipe or a device');
}

/** Writes all of it: write(2) may take less than it was given. */
export async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done);
    done += bytesWritten;
  }
}

export async function openAppend(path: string, mode: number): Promise<AppendFile> {
  const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT;
  const handle = await openRegular(path, flags, mode);
  if (handle === undefined) throw new Error(`${path} could not be created`);
  let size = (await handle.stat()).size;
  return {
    get size() {
      return size;
    },
    async write(bytes) {
      await writeAll(handle, bytes);
      size += bytes.length;
    },
    sync: () => handle.datasync(),
    async truncate(to) {
      await handle.truncate(to);
      size = to;
    },
    close: () => handle.close(),
  };
}
