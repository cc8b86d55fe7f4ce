import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import type { RunOrder } from '../../ports.ts';
import { RUN_MARK } from './survivors.ts';
import { which } from './which.ts';

const SYSTEM_PATH = '/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin';
const PERL_SETSID = 'use POSIX; POSIX::setsid(); exec {$ARGV[0]} @ARGV or exit 127';

/** Everything that must be there before a wrapper is worth starting. */
export interface Prepared {
  /** What the wrapper executes: the agent in a session of its own, by the path at which it was found. */
  readonly exec: readonly string[];
  /** Where the wrapper finds its own tools, whatever the agent's PATH is. */
  readonly toolPath: string;
}

export async function prepare(
  order: RunOrder,
  ownPath = process.env.PATH ?? '',
): Promise<Prepared | { refused: string }> {
  const { argv, cwd, env } = order;
  if (!(await isFolder(cwd))) return { refused: `the working directory ${cwd} does not exist` };
  const program = await which(argv[0], env.PATH, cwd);
  if (program === undefined)
    return { refused: `the command ${argv[0]} was not found on PATH (${env.PATH ?? 'not set'})` };
  const name = Object.keys(env).find((key) => !isPlainName(key));
  if (name !== undefined) return { refused: `the environment variable ${JSON.stringify(name)} can't be passed on` };
  const run = env[RUN_MARK];
  if (run !== undefined && !/^[\w.:-]+$/.test(run)) return { refused: `${JSON.stringify(run)} can't name a run` };
  if (order.stdin !== undefined && !(await isReadable(order.stdin))) {
    return { refused: `standard input ${order.stdin} can't be read` };
  }
  const toolPath = toolPathWith(ownPath);
  const session = await ownSession(toolPath);
  if (session === undefined) return { refused: 'neither setsid (util-linux) nor perl was found' };
  return { exec: [...session, program, ...argv.slice(1)], toolPath };
}

/** The system's own places first, and nothing relative: a project must not bring the wrapper's tools. */
function toolPathWith(ownPath: string): string {
  const places = `${SYSTEM_PATH}:${ownPath}`.split(':').filter((place) => place.startsWith('/'));
  return [...new Set(places)].join(':');
}

/** Linux has setsid; macOS has perl, which can do the same. */
export async function ownSession(toolPath: string): Promise<string[] | undefined> {
  const setsid = await which('setsid', toolPath, '/');
  if (setsid !== undefined) return [setsid];
  const perl = await which('perl', toolPath, '/');
  return perl === undefined ? undefined : [perl, '-e', PERL_SETSID];
}

/** A shell drops other names, and IFS would change how the wrapper reads. */
function isPlainName(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !name.startsWith('_ym_') && name !== 'IFS';
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

async function isReadable(path: string): Promise<boolean> {
  return access(path, constants.R_OK).then(
    () => true,
    () => false,
  );
}
