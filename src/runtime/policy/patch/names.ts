/* Names of files as they stand in the headers of a patch. */

export const NOTHING = '/dev/null';

const TIME = /\s\d{4}-\d\d-\d\d \d\d:\d\d[\d:.]*(?: [+-]\d{4})?$/;
const MAX_TIME = 48;

/** Behind `--- ` or `+++ `: a name, perhaps quoted, perhaps with a time behind it. */
export function headerName(text: string): string {
  const quoted = quotedName(text);
  if (quoted) return quoted.name;
  const tab = text.indexOf('\t');
  if (tab !== -1) return text.slice(0, tab).trimEnd();
  const plain = text.trimEnd();
  return `${plain.slice(0, -MAX_TIME)}${plain.slice(-MAX_TIME).replace(TIME, '')}`.trimEnd();
}

/** Behind `diff --git `: both names, where it can be told where the first one ends. */
export function gitNames(text: string): readonly [string, string] | undefined {
  const first = quotedName(text);
  if (first) return [first.name, headerName(text.slice(first.length).trimStart())];
  const second = text.indexOf(' "');
  if (second !== -1) return [text.slice(0, second), headerName(text.slice(second + 1))];
  const half = (text.length - 1) / 2;
  const [left, right] = [text.slice(0, half), text.slice(half + 1)];
  if (Number.isInteger(half) && text[half] === ' ' && sameFile(left, right)) return [left, right];
  const words = text.split(' ', 3);
  return words.length === 2 ? [words[0] ?? '', words[1] ?? ''] : undefined;
}

function sameFile(left: string, right: string): boolean {
  const [old, now] = withoutPrefixes(left, right);
  return old === now;
}

/** `a/` and `b/` are taken off only where both names, as far as there are both, carry them. */
export function withoutPrefixes(old: string, now: string): readonly [string, string] {
  const [isA, isB] = [old.startsWith('a/'), now.startsWith('b/')];
  if ((isA || old === NOTHING) && (isB || now === NOTHING)) return [isA ? old.slice(2) : old, isB ? now.slice(2) : now];
  if (isA && old.slice(2) === now) return [now, now];
  if (isB && now.slice(2) === old) return [old, old];
  return [old, now];
}

/** Quoted as C and git do it. */
function quotedName(text: string): { readonly name: string; readonly length: number } | undefined {
  if (!text.startsWith('"')) return undefined;
  const [whole] = /^"(?:[^"\\]|\\.)*"/.exec(text.slice(0, 32_768)) ?? [];
  if (whole === undefined) return undefined;
  return { name: unquoted(whole.slice(1, -1)), length: whole.length };
}

const ESCAPES: Readonly<Record<string, number>> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13, '"': 34, '\\': 92 };

function unquoted(text: string): string {
  const bytes: Buffer[] = [];
  for (const [part, escaped] of text.matchAll(/\\([0-3][0-7]{2}|.)|[^\\]+/g)) {
    if (escaped === undefined) bytes.push(Buffer.from(part));
    else bytes.push(/^\d/.test(escaped) ? Buffer.of(Number.parseInt(escaped, 8)) : Buffer.of(ESCAPES[escaped] ?? 0));
  }
  return Buffer.concat(bytes).toString();
}

/** As git writes a name that could be misread. */
export function quotedForGit(name: string): string {
  if (!/[\p{Cc}"\\]/u.test(name)) return name;
  const inside = [...Buffer.from(name)].map((byte) => {
    if (byte === 34 || byte === 92) return `\\${String.fromCharCode(byte)}`;
    return byte < 32 || byte >= 127 ? `\\${byte.toString(8).padStart(3, '0')}` : String.fromCharCode(byte);
  });
  return `"${inside.join('')}"`;
}
