import { isDeepStrictEqual } from 'node:util';
import { isMap, isScalar, parseDocument } from 'yaml';
import { isRefusal, type Refusal, refuse } from '../model/refusal.ts';
import type { Amendment } from '../ports.ts';
import { parseTask } from './parse.ts';
import { splitFrontMatter } from './split.ts';
import { frontMatter } from './write.ts';
import type { Fields } from './yaml.ts';

/*
 * Some keys of a task's file changed, and words added to its body; everything else stays byte for byte, comments too.
 *
 * A1. What comes out is read again: a file in which anything else has changed is not given out.
 */

/** No heading: a body without one is called by its first line, and goes on being called so. */
const HEADING = '**Further instructions**';
const BOM = '\ufeff';

export function amendTask(bytes: Uint8Array, amendment: Amendment): Uint8Array | Refusal {
  const whole = Buffer.from(bytes).toString();
  const bom = whole.startsWith(BOM) ? BOM : '';
  const text = whole.slice(bom.length);
  const split = splitFrontMatter(text);
  if ('refused' in split) return split;
  const amended = Buffer.from(bom + withKeys(text, split.header, amendment) + furtherWords(whole, amendment));
  return isSame(bytes, amended, amendment) ? amended : refusal(); // A1
}

function withKeys(text: string, header: string | undefined, { keys }: Amendment): string {
  const given = [...keys].flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const]));
  if (header === undefined) return given.length > 0 || text.startsWith('---') ? frontMatter(given) + text : text;
  const start = text.indexOf('\n') + 1;
  const eol = text.slice(0, start).endsWith('\r\n') ? '\r\n' : '\n';
  const edits = editsOf(header, keys);
  const known = new Set(edits.map(({ key }) => key));
  const added = linesOf(given.filter(([key]) => !known.has(key))).replaceAll('\n', eol);
  const changed = edits
    .sort((a, b) => b.from - a.from)
    .reduce((now, { from, to, by }) => now.slice(0, from) + by.replaceAll('\n', eol) + now.slice(to), header);
  return text.slice(0, start) + changed + added + text.slice(start + header.length);
}

interface Edit {
  readonly key: string;
  readonly from: number;
  readonly to: number;
  readonly by: string;
}

/** A key that goes takes its whole line along; one that changes leaves the comment behind it. */
function editsOf(header: string, keys: Amendment['keys']): Edit[] {
  const { contents } = parseDocument(header, { schema: 'failsafe', prettyErrors: false });
  if (!isMap(contents) || contents.flow) return [];
  return contents.items.flatMap(({ key, value }) => {
    if (!isScalar(key) || !keys.has(String(key.value))) return [];
    const name = String(key.value);
    const from = key.range?.[0] ?? 0;
    const range = isNode(value) ? value.range : undefined;
    const ends = range?.[1] ?? header.indexOf('\n', from);
    const wanted = keys.get(name);
    if (wanted === undefined) return [{ key: name, from, to: lineEnd(header, ends), by: '' }];
    const tail = header.slice(from, ends).endsWith('\n') ? '\n' : '';
    return [{ key: name, from, to: ends, by: linesOf([[name, wanted]]).trimEnd() + tail }];
  });
}

function isNode(value: unknown): value is { range?: [number, number, number] } {
  return typeof value === 'object' && value !== null && 'range' in value;
}

function lineEnd(header: string, at: number): number {
  if (at > 0 && header[at - 1] === '\n') return at;
  const feed = header.indexOf('\n', at);
  return feed < 0 ? header.length : feed + 1;
}

function linesOf(entries: readonly (readonly [string, string | number])[]): string {
  return frontMatter(entries).slice('---\n'.length, -'---\n'.length);
}

function furtherWords(text: string, { instructions }: Amendment): string {
  if (instructions === undefined) return '';
  const apart = text.endsWith('\n') ? '\n' : '\n\n';
  return `${apart}${HEADING}\n\n${instructions.trim()}\n`;
}

/** A1 */
function isSame(before: Uint8Array, after: Uint8Array, { keys, instructions }: Amendment): boolean {
  const [old, now] = [parseTask(before), parseTask(after)];
  if (isRefusal(old) || isRefusal(now)) return false;
  const rest = (spec: object, extra: Fields) =>
    Object.fromEntries([...Object.entries(spec), ...extra].filter(([key]) => !keys.has(key)));
  const kept = isDeepStrictEqual(rest(old.spec, old.extra), rest(now.spec, now.extra));
  const taken = [...keys].every(([key, value]) => (now.spec as Record<string, unknown>)[key] === value);
  return kept && taken && (instructions === undefined ? old.body === now.body : now.body.includes(HEADING));
}

function refusal(): Refusal {
  return refuse(
    'not_possible',
    'its front matter can not be changed without changing more than was asked for',
    'enqueue_task with the text and what is to be different',
  );
}
