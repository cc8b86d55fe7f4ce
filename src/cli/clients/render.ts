import type { Block, Value } from './clients.ts';

/** The block alone, as it goes into an empty file. */
export function render(block: Block): string {
  return block.format === 'toml' ? tomlTable(block) : `${JSON.stringify(jsonOf(block), undefined, 2)}\n`;
}

function jsonOf({ beside = {}, servers, entry }: Block): Record<string, unknown> {
  const lists = Object.entries(beside).map(([key, element]) => [key, [element]]);
  return { ...Object.fromEntries(lists), [servers]: { yardmaster: entry } };
}

function tomlTable({ servers, entry }: Block): string {
  const lines = Object.entries(entry).map(([key, value]) => `${key} = ${toml(value)}\n`);
  return `[${servers}.yardmaster]\n${lines.join('')}`;
}

/** JSON's strings are TOML's basic strings, but for one control character. */
function toml(value: Value): string {
  if (typeof value === 'string') return JSON.stringify(value).replaceAll('\u007f', '\\u007F');
  if (typeof value !== 'object') return String(value);
  if (isList(value)) return `[${value.map(toml).join(', ')}]`;
  return `{ ${Object.entries(value)
    .map(([key, inner]) => `${key} = ${toml(inner)}`)
    .join(', ')} }`;
}

function isList(value: object): value is readonly Value[] {
  return Array.isArray(value);
}
