import type { JsonSchema } from '../server/invalid.ts';

/**
 * The words of a query string as arguments of a tool. Numbers, booleans and lists are made where the tool's schema
 * wants them; what can't be one stays as it was written, so that the tool says what is wrong with it.
 */
export function argumentsIn(query: URLSearchParams, schema: JsonSchema): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (const name of new Set(query.keys())) {
    const kinds = kindsOf(schema.properties?.[name]);
    const words = query.getAll(name);
    if (!kinds.has('array')) given[name] = words.length === 1 ? one(String(words[0]), kinds) : words;
    else {
      const list = words.flatMap((word) => word.split(',')).filter((word) => word !== '');
      given[name] = list.length === 1 && kinds.has('string') ? list[0] : list;
    }
  }
  return given;
}

function one(word: string, kinds: ReadonlySet<string>): unknown {
  if ((kinds.has('number') || kinds.has('integer')) && /^-?\d+(\.\d+)?$/.test(word)) return Number(word);
  if (kinds.has('boolean') && (word === 'true' || word === 'false')) return word === 'true';
  return word;
}

function kindsOf(schema: JsonSchema | undefined): ReadonlySet<string> {
  if (schema === undefined) return new Set();
  const own: readonly string[] = typeof schema.type === 'string' ? [schema.type] : [];
  return new Set([...own, ...(schema.anyOf ?? []).flatMap((one) => [...kindsOf(one)])]);
}
