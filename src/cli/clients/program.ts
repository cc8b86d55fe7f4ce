import { realpathSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { configPath } from '../../runtime/config/load.ts';
import type { Cli } from '../cli.ts';
import { which } from '../doctor/which.ts';

/** The words that start this very program; short ones where the PATH leads to it. */
export function programWords({ runtime: { file }, around: { env } }: Cli): string[] {
  if (fromNpx(file)) return ['npx', '-y', 'yardmaster'];
  if (sameFile(which('yardmaster', env.PATH), file)) return ['yardmaster'];
  return [sameFile(which('node', env.PATH), process.execPath) ? 'node' : process.execPath, file];
}

/** The same with whole paths: a client that starts from a menu or a service has another PATH than a shell. */
export function programPaths({ runtime: { file }, around: { env } }: Cli): string[] {
  if (fromNpx(file)) return [which('npx', env.PATH) ?? 'npx', '-y', 'yardmaster'];
  const node = which('node', env.PATH);
  // The PATH's name for Node survives its updates, the resolved one often does not.
  return [sameFile(node, process.execPath) && node !== undefined ? node : process.execPath, file];
}

/**
 * Home and configuration where they are not the usual ones, however they were chosen: a client hands on little of its
 * environment, and a bridge without them would find another runtime.
 */
export function placesOf({ runtime: { home }, around: { env, userHome, cwd } }: Cli): Record<string, string> {
  const config = resolve(cwd, configPath(env, userHome));
  return {
    ...(home !== join(userHome, '.local', 'state', 'yardmaster') && { YARDMASTER_HOME: home }),
    ...(config !== join(userHome, '.config', 'yardmaster', 'yardmaster.yaml') && { YARDMASTER_CONFIG: config }),
  };
}

/** A cache that npm may empty. */
function fromNpx(file: string): boolean {
  return /[\\/]_npx[\\/]/.test(file);
}

function sameFile(one: string | undefined, other: string): boolean {
  return one !== undefined && realpathSync(one) === realpathSync(other);
}
