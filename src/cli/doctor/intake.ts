import { accessSync, constants, statSync } from 'node:fs';
import { loadConfig } from '../../runtime/config/load.ts';
import type { Cli } from '../cli.ts';
import { sourcesOf } from '../commands/config.ts';
import { type Finding, note, ok } from './check.ts';

const NAME = 'intake';

/** The folders whose dispatch files become tasks, and the key by which these are signed. */
export async function intake(cli: Cli): Promise<Finding> {
  const { config } = await loadConfig(sourcesOf(cli));
  const closed = (config?.intake_dirs ?? []).flatMap((dir) => whyNot(dir) ?? []);
  const variable = config?.intake_key_env;
  if (closed.length > 0)
    return note(NAME, `nothing is taken from ${closed.join('; ')}`, 'Make it, or take it out of intake_dirs.');
  if (variable !== undefined && !cli.around.env[variable])
    return note(
      NAME,
      `${variable}, the key of dispatch files, is not set here`,
      'The runtime needs it in its environment.',
    );
  const count = 1 + (config?.intake_dirs.length ?? 0);
  const folders = count === 1 ? 'dispatch files are taken' : `dispatch files are taken from ${count} folders`;
  return ok(NAME, variable === undefined ? folders : `${folders}, signed ones alone`);
}

/** Files are moved within the folder, so it has to be written. */
function whyNot(dir: string): string | undefined {
  try {
    if (!statSync(dir).isDirectory()) return `${dir}, which is no folder`;
    accessSync(dir, constants.R_OK | constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    return `${dir}, which ${missing ? 'is not there' : 'may not be read and written'}`;
  }
}
