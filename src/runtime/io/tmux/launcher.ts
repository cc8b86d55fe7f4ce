import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/*
 * How a program gets into a pane. tmux hands a single argument to a shell, falls back to another folder where the one
 * it was given is gone, and expands formats in it; so every program starts through this fixed text, which enters the
 * folder or ends, and executes its arguments as they are.
 */

const START = 'cd -- "$1" || exit 126; shift; exec "$@"';

/** The same for arguments that are too long for a command line of tmux: they lie in a file that is read once. */
const START_FROM_FILE =
  'cd -- "$1" || exit 126; _ym_arguments=$2; . "$_ym_arguments" || exit 126; ' +
  'rm -f -- "$_ym_arguments"; unset _ym_arguments; exec "$@"';

const WAIT = 'printf "%s\\n" "This session belongs to Yardmaster and waits for work."; exec cat >/dev/null';
export const PLACEHOLDER: readonly [string, ...string[]] = ['/bin/sh', '-c', WAIT];

/** Spilled arguments that nobody read within this time belong to a start that never happened. */
const UNREAD_MS = 3_600_000;

export function launch(argv: readonly string[], cwd: string): string[] {
  return ['/bin/sh', '-c', START, 'yardmaster', cwd, ...argv];
}

export async function launchFromFile(argv: readonly string[], cwd: string, folder: string): Promise<string[]> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, `${randomUUID()}.arguments`);
  await writeFile(file, `set -- ${argv.map(shellWord).join(' ')}\n`, { mode: 0o600, flag: 'wx' });
  return ['/bin/sh', '-c', START_FROM_FILE, 'yardmaster', cwd, file];
}

export function placeholder(cwd: string): string[] {
  return launch(PLACEHOLDER, cwd);
}

export async function removeUnread(folder: string, now: number): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const file = join(folder, name);
    const written = (await stat(file).catch(() => undefined))?.mtimeMs ?? now;
    if (name.endsWith('.arguments') && now - written > UNREAD_MS) await rm(file, { force: true });
  }
}

function shellWord(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
