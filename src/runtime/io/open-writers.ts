import { readdir, readFile, readlink, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { OpenWriters } from '../ports.ts';

/**
 * Looks through /proc for descriptors on the given files that are open for writing. Other users' processes can't be seen
 * unless we are root, and elsewhere than on Linux there is nothing to look at: then nobody is seen to write, and the quiet
 * time decides alone.
 */
export const procWriters: OpenWriters = {
  async among(paths) {
    const wanted = await realNames(paths);
    const writing = new Set<string>();
    if (wanted.size === 0) return writing;
    const processes = (await names('/proc')).filter((name) => /^\d+$/.test(name));
    for (const pid of processes) {
      for (const path of await writtenBy(`/proc/${pid}`, wanted)) writing.add(path);
    }
    return writing;
  },
};

/** The kernel names a file by its real path; the caller may have come through a link. */
async function realNames(paths: readonly string[]): Promise<Map<string, string>> {
  const folders = new Map<string, string>();
  for (const dir of new Set(paths.map(dirname))) folders.set(dir, await realpath(dir).catch(() => dir));
  return new Map(paths.map((path) => [join(folders.get(dirname(path)) ?? '', basename(path)), path]));
}

async function writtenBy(process: string, wanted: ReadonlyMap<string, string>): Promise<string[]> {
  const fds = await names(`${process}/fd`);
  const found = await Promise.all(
    fds.map(async (fd) => {
      const path = wanted.get(await readlink(`${process}/fd/${fd}`).catch(() => ''));
      return path !== undefined && (await isForWriting(`${process}/fdinfo/${fd}`)) ? [path] : [];
    }),
  );
  return found.flat();
}

async function isForWriting(fdinfo: string): Promise<boolean> {
  const flags = /^flags:\s*([0-7]+)/m.exec(await readFile(fdinfo, 'utf8').catch(() => ''))?.[1];
  return flags !== undefined && (Number.parseInt(flags, 8) & 0o3) !== 0;
}

async function names(dir: string): Promise<string[]> {
  return readdir(dir).catch(() => []);
}
