import type { Outcome, Patch } from '../model/task.ts';
import type { Entry } from './write.ts';

/** What the file of a finished task says of the patch beside it. */
export function patchEntries(outcome: Outcome): [string, Entry][] {
  const patch = outcome.state === 'done' ? outcome.patch : undefined;
  return [
    ['patch_files', patch?.files],
    ['patch_insertions', patch?.insertions],
    ['patch_deletions', patch?.deletions],
  ];
}

/** The same, read back; undefined where there is none. */
export function readPatch(get: (key: string) => string | undefined): Patch | undefined {
  if (get('patch_files') === undefined) return undefined;
  const number = (key: string) => Number(get(key)) || 0;
  return {
    files: number('patch_files'),
    insertions: number('patch_insertions'),
    deletions: number('patch_deletions'),
  };
}
