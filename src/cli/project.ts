import { existsSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import type { Cli } from './cli.ts';
import { usage } from './failure.ts';

/** The project of a new task: the named one, else the one around the working directory. */
export function projectToUse(cli: Cli, named: string | undefined): string {
  if (named !== undefined) return projectNamed(cli, named);
  const found = projectAround(cli);
  if (found === undefined)
    throw usage(
      `there is no project around ${cli.around.cwd}: neither it nor a folder above has a queue or a git repository`,
      'Name one with --project: a path (such as --project .), or a configured name.',
    );
  return found;
}

/** The folder around the working directory that has a queue, or else a git repository. */
export function projectAround({ around: { cwd } }: Cli): string | undefined {
  return queueAround(cwd) ?? nearest(cwd, isRepository);
}

/** A path is made absolute, because the runtime works elsewhere; a name stays a name. */
export function projectNamed(cli: Cli, named: string): string {
  const looksLikePath = isAbsolute(named) || named.startsWith('.') || named.startsWith('~') || named.includes('/');
  if (!looksLikePath) return named;
  if (named === '~' || named.startsWith('~/')) return join(cli.around.userHome, named.slice(1));
  return resolve(cli.around.cwd, named);
}

/** `fix-login`, or `shop/fix-login` where several projects have the id. The project around the working directory helps. */
export function taskRef(cli: Cli, given: string, named: string | undefined): { id: string; project?: string } {
  const slash = given.lastIndexOf('/');
  const project = named ?? (slash > 0 ? given.slice(0, slash) : undefined);
  const id = basename(given).replace(/\.md$/, '');
  if (id === '') throw usage(`"${given}" names no task`, 'A task is named by its id, or as project/id.');
  if (project !== undefined) return { id, project: projectNamed(cli, project) };
  const around = queueAround(cli.around.cwd);
  return around === undefined ? { id } : { id, project: around };
}

function queueAround(dir: string): string | undefined {
  return nearest(dir, (one) => existsSync(join(one, '.agent-queue')));
}

/** An empty `.git` is none, to git as to us: sandboxes of agents leave such folders, even in /tmp. */
function isRepository(dir: string): boolean {
  const git = statSync(join(dir, '.git'), { throwIfNoEntry: false });
  return git?.isFile() === true || existsSync(join(dir, '.git', 'HEAD'));
}

function nearest(dir: string, isIt: (dir: string) => boolean): string | undefined {
  if (isIt(dir)) return dir;
  const parent = dirname(dir);
  return parent === dir ? undefined : nearest(parent, isIt);
}
