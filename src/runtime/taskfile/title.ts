import type { TaskSpec } from '../model/spec.ts';

const MAX_TITLE = 200;
const PLAIN = /^[!-~]+(?: [!-~]+)*$/;

/** What a task is called; empty where neither its front matter nor its text says anything that can be seen. */
export function titleFor(spec: TaskSpec, body: string): string {
  const title = (spec.title && cleanTitle(spec.title)) || titleOf(body);
  return title === '' && !isBlank(body) ? 'untitled' : title;
}

/** Nothing on it that can be seen. */
export function isBlank(body: string): boolean {
  return !/[^\p{C}\p{Z}\s]/u.test(body);
}

/** One line without control characters, bounded. */
export function cleanTitle(text: string): string {
  const head = text.slice(0, MAX_TITLE + 1);
  if (head.length <= MAX_TITLE && PLAIN.test(head)) return head; // most titles; what follows costs
  const flat = text
    .slice(0, 4 * MAX_TITLE)
    .replace(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim();
  const chars = Array.from(flat);
  return chars.length > MAX_TITLE
    ? `${chars
        .slice(0, MAX_TITLE - 1)
        .join('')
        .trimEnd()}…`
    : flat;
}

/** The first heading of a body, else its first line with something on it. */
export function titleOf(body: string): string {
  const head = body.slice(0, 20_000).split('\n', 200);
  const heading = head.find((line) => /^#{1,6}[ \t]+\S/.test(line));
  const named = heading === undefined ? '' : cleanTitle(heading.replace(/^#+[ \t]+/, '').replace(/[ \t]#+[ \t]*$/, ''));
  if (named !== '') return named;
  for (const line of head) {
    const title = cleanTitle(line);
    if (title !== '') return title;
  }
  return cleanTitle(body.trimStart());
}
