import { Composer, type Document, isAlias, isMap, isScalar, isSeq, Lexer, type ParsedNode, Parser } from 'yaml';
import { quote } from './split.ts';

/**
 * YAML as front matter may use it: texts, lists and maps of them. No types are guessed, nothing is expanded, and no input
 * costs more than its size:
 *
 * 1. Nesting is bounded while the (iterative) parser reads: `yaml` composes recursively, and input of 20,000 `[` makes V8
 *    abort the whole process, not merely throw.
 * 2. The number of tokens is bounded.
 * 3. Aliases, merge keys, tags, duplicate keys and second documents are refused.
 */
export type Value = string | null | readonly Value[] | Fields;
export type Fields = ReadonlyMap<string, Value>;

const MAX_DEPTH = 64;
const MAX_TOKENS = 40_000;

/** What is wrong with the header; never leaves this folder. */
export class HeaderError extends Error {}

export function readYaml(source: string): Fields {
  const composer = new Composer({
    schema: 'failsafe',
    merge: false,
    uniqueKeys: false,
    strict: true,
    prettyErrors: false,
  });
  const documents = [...composer.compose(boundedTokens(source))];
  const [document] = documents;
  if (!document) return new Map();
  if (documents.length > 1) throw new HeaderError('it has more than one YAML document');
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem) throw new HeaderError(`${problem.message} (at character ${problem.pos[0]})`);
  return topLevel(document);
}

function* boundedTokens(source: string): Generator<ReturnType<Parser['parse']> extends Generator<infer T> ? T : never> {
  const parser = new Parser();
  let count = 0;
  for (const lexeme of new Lexer().lex(source)) {
    yield* parser.next(lexeme);
    if (parser.stack.length > MAX_DEPTH) throw new HeaderError('it is nested too deeply');
    if (++count > MAX_TOKENS) throw new HeaderError(`it has more than ${MAX_TOKENS} tokens`);
  }
  yield* parser.end();
}

function topLevel(document: Document.Parsed): Fields {
  const value = document.contents === null ? null : plain(document.contents);
  if (value === null) return new Map();
  if (value instanceof Map) return value;
  throw new HeaderError('it is not a list of "key: value" lines');
}

/** A plain empty value, `~` or `null` is "not given"; the same in quotes is a text. */
function plain(node: ParsedNode | null): Value {
  if (node === null) return null;
  if (isAlias(node)) throw new HeaderError(`aliases are not allowed: *${node.source}`);
  if (isScalar(node)) {
    const text = String(node.value ?? '');
    if (text.includes('\0')) throw new HeaderError('it contains a NUL character');
    return node.type === 'PLAIN' && /^(|~|null|Null|NULL)$/.test(text) ? null : text;
  }
  if (isSeq(node)) return node.items.map((item) => plain(item));
  if (isMap(node)) {
    const fields = new Map<string, Value>();
    for (const { key, value } of node.items) {
      if (!isScalar(key)) throw new HeaderError('a key is not a text');
      const name = String(key.value ?? '');
      if (name === '<<') throw new HeaderError('merge keys (<<) are not allowed');
      if (fields.has(name)) throw new HeaderError(`the key ${quote(name)} is given twice`);
      fields.set(name, plain(value as ParsedNode | null));
    }
    return fields;
  }
  throw new HeaderError('it holds something that is neither text, list nor map');
}
