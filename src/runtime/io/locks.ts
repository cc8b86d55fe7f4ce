import { spawn } from 'node:child_process';
import { closeSync, constants, fstatSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import type { Locks } from '../ports.ts';

/*
 * 1. The kernel keeps the lock for as long as our descriptor is open: whatever ends this process frees it.
 * 2. The file is never unlinked: a lock on a file without a name guards nothing.
 * 3. What is written into the file is for people; nothing reads it back.
 */

/** Locks by flock(2) on an open descriptor, taken by `flock(1)` or, where that is missing (macOS), by perl. */
export function fileLocks(owner: Readonly<Record<string, unknown>> = {}): Locks {
  return {
    async acquire(path) {
      const fd = openFile(path);
      let held = false;
      try {
        held = await lock(fd);
        if (held) signOwner(fd, owner);
      } finally {
        if (!held) closeSync(fd);
      }
      if (!held) return undefined;
      let released = false;
      return {
        async release() {
          if (released) return;
          released = true;
          closeSync(fd);
        },
      };
    },
  };
}

/** A plain number, not a FileHandle: the garbage collector must not close it. */
function openFile(path: string): number {
  // In a project the file may be somebody else's trap: a link would have us empty what it points to.
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  const file = fstatSync(fd);
  if (file.isFile() && file.nlink === 1) return fd;
  closeSync(fd);
  throw new Error(`${path} is not a plain file of one name; it can't be a lock.`);
}

const PERL = 'use Fcntl ":flock"; open(my $f, "+<&=", 3) or die $!; exit(flock($f, LOCK_EX | LOCK_NB) ? 0 : 1)';

async function lock(fd: number): Promise<boolean> {
  const code = (await exitCode('flock', ['-n', '3'], fd)) ?? (await exitCode('perl', ['-e', PERL], fd));
  if (code === undefined)
    throw new Error('Neither flock(1) nor perl is installed: the lock of the home cannot be taken.');
  if (code > 1) throw new Error(`The lock could not be taken: the locking command ended with ${code}.`);
  return code === 0;
}

/** The descriptor arrives in the child as number 3 and shares our open file, so its lock stays with us. Undefined: no such program. */
function exitCode(program: string, args: readonly string[], fd: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'ignore', fd] });
    child.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ENOENT' ? resolve(undefined) : reject(error),
    );
    child.once('exit', (code, signal) => resolve(code ?? (signal === null ? 1 : 128)));
  });
}

function signOwner(fd: number, owner: Readonly<Record<string, unknown>>): void {
  ftruncateSync(fd, 0);
  writeSync(fd, `${JSON.stringify({ pid: process.pid, ...owner })}\n`, 0);
}
