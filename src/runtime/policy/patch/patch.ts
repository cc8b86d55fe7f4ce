import { blocksIn } from './blocks.ts';
import { Broken, type FileChange, type Patch } from './change.ts';
import { readChanges } from './read.ts';
import { rendered } from './render.ts';

export type Found =
  | { readonly kind: 'patch'; readonly patch: Patch }
  | { readonly kind: 'none' }
  /** Something that is meant as a patch and can't be read as one. */
  | { readonly kind: 'broken'; readonly why: string };

const MAX_FILES = 10_000;

/** The patch in an answer: of several blocks, one after the other. Takes time by the length of the text alone. */
export function findPatch(text: string): Found {
  try {
    const changes = blocksIn(text).flatMap(readChanges);
    if (changes.length > MAX_FILES) return { kind: 'broken', why: `it changes more than ${MAX_FILES} files` };
    return changes.length === 0 ? { kind: 'none' } : { kind: 'patch', patch: patchOf(changes) };
  } catch (problem) {
    if (problem instanceof Broken) return { kind: 'broken', why: problem.message };
    throw problem;
  }
}

export function patchIn(text: string): Patch | undefined {
  const found = findPatch(text);
  return found.kind === 'patch' ? found.patch : undefined;
}

function patchOf(changes: readonly FileChange[]): Patch {
  let [insertions, deletions] = [0, 0];
  for (const { hunks } of changes) {
    for (const { lines } of hunks) {
      for (const line of lines) {
        if (line.startsWith('+')) insertions += 1;
        else if (line.startsWith('-')) deletions += 1;
      }
    }
  }
  const paths = [...new Set(changes.flatMap(({ old, new: now }) => [old, now].filter((name) => name !== undefined)))];
  const files = new Set(changes.map((change) => change.new ?? change.old)).size;
  return { text: rendered(changes), files, insertions, deletions, paths, changes };
}
