import { accessSync, constants, statSync } from 'node:fs';
import type { RunOrder } from '../../ports.ts';
import { RUN_MARK } from './survivors.ts';
import { which } from './which.ts';

/** Everything that must be there before a start is worth asking for; the program's path, or why not. */
export function prepare(order: RunOrder): { program: string } | { refused: string } {
  const { argv, cwd, env } = order;
  if (!isFolder(cwd)) return { refused: `the working directory ${cwd} does not exist` };
  const program = which(argv[0], env.PATH, cwd);
  if (program === undefined)
    return { refused: `the command ${argv[0]} was not found on PATH (${env.PATH ?? 'not set'})` };
  const name = Object.keys(env).find((key) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(key));
  if (name !== undefined) return { refused: `the environment variable ${JSON.stringify(name)} can't be passed on` };
  const run = env[RUN_MARK];
  if (run !== undefined && !/^[\w.:-]+$/.test(run)) return { refused: `${JSON.stringify(run)} can't name a run` };
  if (order.stdin !== undefined && !isReadable(order.stdin)) {
    return { refused: `standard input ${order.stdin} can't be read` };
  }
  return { program };
}

function isFolder(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  } catch {
    return false;
  }
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
