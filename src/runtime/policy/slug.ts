import { TaskId, taskIdProblem } from '../model/ids.ts';

const MAX_CHARS = 48;
const MAX_BYTES = 120;
const NAMELESS = 'task';

/** `Fix the login redirect` → `fix-the-login-redirect`; letters and digits of any script stay. */
export function slugOf(title: string): string {
  const words = title
    .normalize('NFKC')
    .toLowerCase()
    .match(/[\p{L}\p{N}][\p{L}\p{N}\p{M}]*/gu);
  let slug = '';
  for (const word of words ?? []) {
    const longer = slug === '' ? cut(word) : `${slug}-${word}`;
    if (!fits(longer)) break;
    slug = longer;
  }
  return slug === '' || taskIdProblem(slug) ? NAMELESS : slug;
}

/** The slug itself, or the first of `-2`, `-3` … that is free. */
export function freeId(title: string, taken: (id: string) => boolean): TaskId {
  return nextFree(slugOf(title), taken);
}

export function nextFree(stem: string, taken: (id: string) => boolean): TaskId {
  let id = stem;
  for (let n = 2; taken(id); n++) id = `${stem}-${n}`;
  return TaskId.parse(id);
}

function fits(text: string): boolean {
  return [...text].length <= MAX_CHARS && Buffer.byteLength(text) <= MAX_BYTES;
}

/** A single word that is too long is cut between characters, never inside one. */
function cut(word: string): string {
  let kept = '';
  for (const char of word) {
    if (!fits(kept + char)) break;
    kept += char;
  }
  return kept;
}
