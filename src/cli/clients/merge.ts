import { isDeepStrictEqual } from 'node:util';
import type { Block } from './clients.ts';
import { render } from './render.ts';

/*
 * A client's file with our entry in it.
 * 1. Nothing else in the file changes its meaning.
 * 2. What can't be read with certainty is not written: its owner pastes the block.
 */

export type Merged =
  | { readonly kind: 'new'; readonly text: string }
  | { readonly kind: 'same' }
  /** Another entry of our name is there. */
  | { readonly kind: 'taken'; readonly text: string }
  | { readonly kind: 'unclear'; readonly reason: string };

export function merge(before: string | undefined, block: Block): Merged {
  if (before === undefined || before.trim() === '') return { kind: 'new', text: render(block) };
  return block.format === 'toml' ? mergeToml(before, block) : mergeJson(before, block);
}

type JsonObject = Record<string, unknown>;

function mergeJson(before: string, block: Block): Merged {
  const { servers, entry, beside = {} } = block;
  const whole = parsed(before);
  if (whole === undefined) return unclear('it is not plain JSON (comments or trailing commas, perhaps)'); // 2
  const list = whole[servers] ?? {};
  if (!isObject(list)) return unclear(`its ${servers} is no object`);
  const there = list.yardmaster;
  if (isDeepStrictEqual(there, entry)) return { kind: 'same' };
  for (const [key, element] of Object.entries(beside)) {
    const elements = whole[key] ?? [];
    if (!Array.isArray(elements)) return unclear(`its ${key} is no list`);
    whole[key] = [...elements.filter((one) => !isObject(one) || one.id !== element.id), element];
  }
  whole[servers] = { ...list, yardmaster: entry };
  const text = `${JSON.stringify(whole, undefined, indentOf(before))}\n`;
  return { kind: there === undefined ? 'new' : 'taken', text };
}

/** Only ever appended to: a table may stand at the end of any TOML file that does not have it yet. */
function mergeToml(before: string, block: Block): Merged {
  const table = render(block);
  if (before.includes(table)) return { kind: 'same' };
  const name = block.servers;
  const inline = new RegExp(`^\\s*(["']?)${name}\\1\\s*(=|\\.)`, 'm');
  if (inline.test(before)) return unclear(`it writes ${name} as a value, to which no table can be added`); // 2
  const ours = new RegExp(`^\\s*\\[\\s*(["']?)${name}\\1\\s*\\.\\s*(["']?)yardmaster\\2\\s*[\\].]`, 'm');
  if (ours.test(before)) return unclear(`it has a table ${name}.yardmaster already`);
  const gap = before.endsWith('\n') ? '\n' : '\n\n';
  return { kind: 'new', text: `${before}${gap}${table}` };
}

function parsed(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function unclear(reason: string): Merged {
  return { kind: 'unclear', reason };
}

/** As its owner writes it. */
function indentOf(text: string): string | number {
  return /^[^\S\n]+(?=")/m.exec(text)?.[0] ?? 2;
}
