import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';

/**
 * The processes that work in a folder: those that are in it, and a git that was told of it by name. Not those that we have
 * started ourselves just now. Where the system has no /proc nobody is found.
 */
export async function workingIn(dir: string): Promise<readonly number[]> {
  let names: string[];
  try {
    names = readdirSync('/proc');
  } catch {
    return [];
  }
  return names.map(Number).filter((pid) => Number.isInteger(pid) && pid !== process.pid && worksIn(pid, dir));
}

function worksIn(pid: number, dir: string): boolean {
  if (
    !isIn(
      read(() => readlinkSync(`/proc/${pid}/cwd`)),
      dir,
    ) &&
    !isGitAt(pid, dir)
  )
    return false;
  const stat = read(() => readFileSync(`/proc/${pid}/stat`, 'latin1')) ?? '';
  const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // the name before it may hold anything
  return state !== 'Z' && state !== 'X' && state !== '' && Number(parent) !== process.pid;
}

function isGitAt(pid: number, dir: string): boolean {
  const [program = '', ...args] = (read(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8')) ?? '').split('\0');
  return basename(program) === 'git' && args.some((arg) => isIn(arg, dir));
}

function isIn(path: string | undefined, dir: string): boolean {
  return path !== undefined && (path === dir || path.startsWith(`${dir}/`) || path === `${dir} (deleted)`);
}

/** It may have ended meanwhile, or be somebody else's. */
function read(look: () => string): string | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
