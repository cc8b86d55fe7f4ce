import { join } from 'node:path';
import { isRefusal, type Refusal, refuse } from '../model/refusal.ts';
import type { Files, Git } from '../ports.ts';
import { walk } from './walk.ts';

/*
 * The files of a folder that may be shown at all: in a git work tree those that git knows or would take, else what lies
 * there without the folders that nobody means.
 */

export interface KnownFiles {
  /** Whether git says what is ignored. */
  readonly by: 'git' | 'walk';
  /** Below the folder, in order, without repetition. Submodules are among them, what is in them is not. */
  readonly paths: readonly string[];
}

export interface FolderPorts {
  readonly files: Pick<Files, 'read' | 'readAt' | 'stat' | 'list' | 'readLink'>;
  readonly git: Pick<Git, 'run'>;
}

const NARROWER = 'name narrower folders or files in include';

/** `roots`: only what lies at or below them; none = all. */
export async function knownFiles(
  ports: FolderPorts,
  folder: string,
  roots: readonly string[] | undefined,
): Promise<KnownFiles | Refusal> {
  const listed = await askGit(ports, folder, roots ?? []);
  if (listed !== 'no repository') return listed;
  const walked = await walk(ports.files, folder, roots ?? ['']);
  if (walked !== 'too many') return { by: 'walk', paths: walked };
  return refuse('invalid', `include: ${folder} holds too many files to look through`, NARROWER);
}

async function askGit(
  { files, git }: FolderPorts,
  folder: string,
  roots: readonly string[],
): Promise<KnownFiles | Refusal | 'no repository'> {
  const list = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', ...roots];
  const { code, stdout, stderr } = await git.run(folder, ['--literal-pathspecs', ...list]);
  if (code === 0) return fromGit(stdout);
  // One that is broken or cut off is none to git either, but what it ignores is not to be shown: nobody can say what that is.
  const none = code === undefined || /not a git repository/i.test(stderr); // git may be missing
  if (none && !(await hasRepository(files, folder))) return 'no repository';
  const why = stderr.trim().split('\n')[0]?.slice(0, 300) ?? '';
  return refuse('unavailable', `include: git can't list the files of ${folder}: ${why}`, `${NARROWER}, and try again`);
}

function fromGit(listed: string): KnownFiles {
  const names = new Set(listed.split('\0').filter((name) => name !== '' && !name.endsWith('/'))); // a repository within
  return { by: 'git', paths: [...names].sort() };
}

/** Which of these paths are among the known ones, where there is something that knows. */
export async function knowsAll(
  ports: FolderPorts,
  folder: string,
  paths: readonly string[],
): Promise<readonly string[] | Refusal> {
  if (paths.length === 0) return [];
  const known = await knownFiles(ports, folder, paths);
  return isRefusal(known) ? known : paths.filter((path) => !known.paths.includes(path));
}

async function hasRepository(files: Pick<Files, 'stat'>, folder: string): Promise<boolean> {
  for (let dir = folder; ; dir = join(dir, '..')) {
    if (await isRepository(files, join(dir, '.git'))) return true;
    if (dir === join(dir, '..')) return false;
  }
}

/** Also one that git can't use: a file leads to one elsewhere, a folder has something of what git puts there. */
async function isRepository(files: Pick<Files, 'stat'>, path: string): Promise<boolean> {
  const { kind } = (await files.stat(path)) ?? {};
  if (kind !== 'dir') return kind !== undefined;
  for (const name of ['HEAD', 'objects', 'refs', 'config']) if (await files.stat(join(path, name))) return true;
  return false;
}
