import { join } from 'node:path';
import { isRefusal, type Refusal, refuse } from '../model/refusal.ts';
import { folderOf, isGlob } from '../policy/include/glob.ts';
import { type IncludePatterns, includePatterns, type Matched } from '../policy/include/patterns.ts';
import { quote } from '../taskfile/split.ts';
import { type FolderPorts, type KnownFiles, knownFiles } from './known-files.ts';
import { type Found, locate } from './locate.ts';
import { isNeverPacked, repositoryAround } from './walk.ts';

/*
 * Which files of a folder the patterns of a task name.
 *
 * H1. Every pattern names something, or all is refused: a typo does not go unnoticed. (What `!` names need not be there.)
 * H2. What is named letter by letter is packed or refused; what a glob or a folder names along the way may be left out,
 *     and that is said.
 */

export interface Chosen {
  readonly files: readonly Found[];
  readonly left_out: readonly LeftOut[];
}

export interface LeftOut {
  readonly path: string;
  readonly why: string;
}

interface Named extends Matched {
  readonly path: string;
}

const MOST_NAMED = 20_000;
const MOST_EFFORT = 40_000_000; // about a second

export async function chooseFiles(
  ports: FolderPorts,
  folder: string,
  include: readonly string[],
): Promise<Chosen | Refusal> {
  const patterns = includePatterns(include);
  const known = await knownFiles(ports, folder, patterns.roots);
  if (isRefusal(known)) return known;
  const named = namedBy(patterns, known);
  if (isRefusal(named)) return named;
  const chosen = await locateAll(ports, folder, named);
  if (isRefusal(chosen)) return chosen;
  const met = new Set(chosen.by.flat());
  const missed = patterns.wanted.findIndex((_, n) => !met.has(n)); // H1
  if (missed < 0) return chosen;
  return unmatched(ports, folder, patterns.wanted[missed] ?? '', missed, { known, named, left_out: chosen.left_out });
}

function namedBy(patterns: IncludePatterns, known: KnownFiles): readonly Named[] | Refusal {
  const effort = { left: MOST_EFFORT };
  const named: Named[] = [];
  for (const path of known.paths) {
    const matched = isNeverPacked(path) ? undefined : patterns.match(path, effort);
    if (matched) named.push({ path, ...matched });
    if (effort.left < 0 || named.length > MOST_NAMED) return tooMany(known.paths.length);
  }
  return named;
}

async function locateAll(
  ports: FolderPorts,
  folder: string,
  named: readonly Named[],
): Promise<(Chosen & { readonly by: readonly (readonly number[])[] }) | Refusal> {
  const files: Found[] = [];
  const left_out: LeftOut[] = [];
  const by: (readonly number[])[] = [];
  for (const one of named.filter((matched) => !matched.left_out)) {
    const found = await locate(ports, folder, one);
    if (isRefusal(found)) return found;
    if ('why' in found) {
      if (one.exactly) return notSent(one.path, found.why); // H2
      left_out.push(found);
    } else {
      files.push(found);
      by.push(one.by);
    }
  }
  return { files, left_out: left_out.filter(({ why }) => why !== 'is not there'), by };
}

function notSent(named: string, why: string): Refusal {
  const hint = 'take it out of include, or name what is meant';
  return refuse('invalid', `include: ${quote(named)} ${why}; nothing was sent`, hint);
}

async function unmatched(
  ports: FolderPorts,
  folder: string,
  pattern: string,
  n: number,
  seen: { readonly known: KnownFiles; readonly named: readonly Named[]; readonly left_out: readonly LeftOut[] },
): Promise<Refusal> {
  const why = await whyNot(ports, folder, pattern, n, seen);
  return notSent(pattern, why);
}

async function whyNot(
  { files }: FolderPorts,
  folder: string,
  pattern: string,
  n: number,
  { known, named, left_out }: { known: KnownFiles; named: readonly Named[]; left_out: readonly LeftOut[] },
): Promise<string> {
  if (isNeverPacked(pattern)) return 'lies in a folder that is never sent';
  const mine = named.filter(({ by }) => by.includes(n));
  if (mine.some((one) => one.left_out)) return 'names only what a ! pattern leaves out';
  const not = left_out.find(({ path }) => mine.some((one) => one.path === path));
  if (not) return `names nothing that can be sent: ${not.path} ${not.why}`;
  if (mine.length > 0) return 'names what git knows, but it is not there: deleted, or not checked out';
  const around = await repositoryAround(files, folder, folderOf(pattern));
  if (around !== undefined) return `lies in ${around}, a git repository of its own, which is not entered`;
  const there = await files.stat(join(folder, pattern));
  if (there === undefined) return isGlob(pattern) ? 'matches no file' : 'is not there';
  if (known.by === 'git') return there.kind === 'dir' ? 'holds no file that git does not ignore' : 'is ignored by git';
  return pattern.split('/').includes('node_modules') ? 'lies in node_modules, which is never sent' : 'holds no file';
}

function tooMany(files: number): Refusal {
  const what = `include: its patterns name too much to look at (${files.toLocaleString('en')} files are there)`;
  return refuse('invalid', `${what}; nothing was sent`, 'name narrower folders or files in include');
}
