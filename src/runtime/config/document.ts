import { isMap, isPair, LineCounter, type Node, parseDocument, visit } from 'yaml';
import type { Problem } from './problem.ts';

const MAX_BYTES = 262_144;

/** One configuration file as read: its value and where each key stands in it. */
export interface ConfigDocument {
  readonly from: string;
  readonly value: unknown;
  readonly problems: readonly Problem[];
  /** Where the value of a key stands, or the nearest key around it. */
  place(path: readonly PropertyKey[]): Place;
  /** Does the file itself say something for this key? */
  has(path: readonly PropertyKey[]): boolean;
}

export interface Place {
  readonly line: number;
  readonly column: number;
}

/** YAML as data only: bounded, one document, without aliases, tags that make objects, or keys said twice. */
export function readDocument(text: string, from: string): ConfigDocument {
  const lines = new LineCounter();
  const at = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const broken = (message: string, place: Place): ConfigDocument => ({
    from,
    value: undefined,
    problems: [{ from, ...place, key: '', message }],
    place: () => place,
    has: () => false,
  });
  if (Buffer.byteLength(text) > MAX_BYTES) return broken(`larger than ${MAX_BYTES} bytes`, { line: 1, column: 1 });
  try {
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, schema: 'core', strict: true });
    const [error] = [...document.errors, ...document.warnings];
    if (error) return broken(error.message, at(error.pos[0]));
    const alias = firstAlias(document.contents);
    if (alias) return broken('aliases (*name) are not allowed here; write the value out', at(alias.range?.[0] ?? 0));
    return {
      from,
      value: document.toJS() ?? {},
      problems: [],
      place: (path) => at(offsetOf(document.contents, path)),
      has: (path) => document.hasIn(path),
    };
  } catch (error) {
    // A hostile nesting ends the parser's stack: refused like any other broken file.
    return broken(error instanceof Error ? error.message : String(error), { line: 1, column: 1 });
  }
}

function firstAlias(root: Node | null): Node | undefined {
  let found: Node | undefined;
  if (root === null) return undefined;
  visit(root, {
    Alias(_, node) {
      found = node;
      return visit.BREAK;
    },
  });
  return found;
}

/** Follows the path as far as the file has it; a map's key is where a person looks. */
function offsetOf(root: Node | null, path: readonly PropertyKey[]): number {
  let node: unknown = root;
  let offset = root?.range?.[0] ?? 0;
  for (const key of path) {
    const items = isCollection(node) ? node.items : [];
    const item = isMap(node)
      ? items.find((pair) => isPair(pair) && String(pair.key) === String(key))
      : items[Number(key)];
    if (item === undefined) return offset;
    const shown = isPair(item) ? item.key : item;
    offset = rangeStart(shown) ?? offset;
    node = isPair(item) ? item.value : item;
  }
  return offset;
}

function isCollection(node: unknown): node is { items: unknown[] } {
  return typeof node === 'object' && node !== null && Array.isArray((node as { items?: unknown }).items);
}

function rangeStart(node: unknown): number | undefined {
  return (node as { range?: [number, number, number] | null } | null)?.range?.[0];
}
