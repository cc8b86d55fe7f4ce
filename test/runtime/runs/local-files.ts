import { lstat, mkdir, open, rename, writeFile } from 'node:fs/promises';
import type { Files } from '../../../src/runtime/ports.ts';

/** The few methods that runs need, on the real disk. To be replaced by the real files port once it is here. */
export const localFiles: Pick<Files, 'makeDir' | 'replace' | 'stat' | 'readAt'> = {
  async makeDir(dir) {
    await mkdir(dir, { recursive: true });
  },
  async replace(path, bytes) {
    await writeFile(`${path}.new`, bytes);
    await rename(`${path}.new`, path);
  },
  async stat(path) {
    const found = await lstat(path).catch(() => undefined);
    if (!found) return undefined;
    const kind = found.isFile() ? 'file' : found.isDirectory() ? 'dir' : found.isSymbolicLink() ? 'link' : 'other';
    const { size, mtimeMs, ctimeMs, ino, nlink } = found;
    return { kind, size, mtimeMs, ctimeMs, ino, nlink };
  },
  async readAt(path, offset, length) {
    const file = await open(path).catch(() => undefined);
    if (!file) return undefined;
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, offset);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  },
};
