import { compileGlob, type Effort, folderOf, type Glob, isGlob } from './glob.ts';

/*
 * What the patterns of `include` say of a path below the project.
 *
 * I1. `!` always wins, wherever it stands in the list: order says nothing.
 * I2. A pattern that is a path as it stands is that path, whatever characters it has; a folder is all below it.
 * I3. A glob names files. Behind `!` it leaves out folders as well, with all below them: rather less than more.
 */

export interface IncludePatterns {
  /** Those that include, as plain paths: `./a/` is `a`. */
  readonly wanted: readonly string[];
  /** Folders and files under which everything lies that they can match; `undefined` for the whole project. */
  readonly roots: readonly string[] | undefined;
  /** Undefined where no pattern names this path. */
  match(path: string, effort: Effort): Matched | undefined;
}

export interface Matched {
  /** Places of the patterns in `wanted`. */
  readonly by: readonly number[];
  /** It is what a pattern says, letter by letter: no folder, no glob. */
  readonly exactly: boolean;
  /** A `!` names it too. */
  readonly left_out: boolean;
}

export function includePatterns(given: readonly string[]): IncludePatterns {
  const wanted = given.filter((pattern) => !pattern.startsWith('!')).map(plain);
  const unwanted = given.filter((pattern) => pattern.startsWith('!')).map((pattern) => plain(pattern.slice(1)));
  const want = wanted.map((pattern) => matcher(pattern, 'files'));
  const leave = unwanted.map((pattern) => matcher(pattern, 'folders'));
  const roots = wanted.map(folderOf);
  return {
    wanted,
    roots: roots.includes('') ? undefined : [...new Set(roots)],
    match(path, effort) {
      const by = wanted.flatMap((_, n) => (want[n]?.(path, effort) ? [n] : []));
      if (by.length === 0) return undefined;
      const left_out = leave.some((matches) => matches(path, effort)); // I1
      return { by, exactly: wanted.includes(path), left_out };
    },
  };
}

/** `./a`, `a/` and `a//b` are the paths that they mean to everybody. */
function plain(pattern: string): string {
  const parts = pattern.split('/').filter((part) => part !== '' && part !== '.');
  return parts.length === 0 ? '**' : parts.join('/');
}

function matcher(pattern: string, what: 'files' | 'folders'): Glob {
  const below = `${pattern}/`;
  const glob = isGlob(pattern) ? compileGlob(pattern) : undefined;
  const start = folderOf(pattern);
  return (path, effort) => {
    effort.left -= 1;
    if (path === pattern || path.startsWith(below)) return true; // I2
    if (!glob || !path.startsWith(start)) return false;
    return glob(path, effort) || (what === 'folders' && foldersOf(path).some((folder) => glob(folder, effort))); // I3
  };
}

function foldersOf(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, n) => parts.slice(0, n + 1).join('/'));
}
