import { isObject, KEYWORDS, type SchemaObject } from './keywords.ts';

/**
 * A schema that stands in front matter as YAML: every value arrives as a text. What a keyword wants to be a number or a
 * boolean becomes one; the values of enum, const and default become what the type beside them says. What can't be
 * converted stays a text, and is refused for what it is.
 */
export function schemaFromTexts(given: SchemaObject): SchemaObject {
  const { type } = given;
  return Object.fromEntries(Object.entries(given).map(([key, value]) => [key, keyword(key, value, type)]));
}

function keyword(key: string, value: unknown, type: unknown): unknown {
  switch (KEYWORDS.get(key)) {
    case 'schema':
      return schema(value);
    case 'schemas':
      return Array.isArray(value) ? value.map(schema) : value;
    case 'named':
      return isObject(value)
        ? Object.fromEntries(Object.entries(value).map(([name, one]) => [name, schema(one)]))
        : value;
    case 'count':
    case 'number':
      return asNumber(value);
    case 'own':
    case 'note':
      return own(key, value, type);
    case undefined:
      return value;
  }
}

function own(key: string, value: unknown, type: unknown): unknown {
  if (key === 'type') return typeNames(value);
  if (key === 'uniqueItems' || key === 'deprecated' || key === 'readOnly' || key === 'writeOnly')
    return asBoolean(value);
  if (key === 'enum' || key === 'examples') return Array.isArray(value) ? value.map((one) => typed(one, type)) : value;
  return key === 'const' || key === 'default' ? typed(value, type) : value;
}

/** A plain `null` is "not given" elsewhere in front matter; here it is the name of a type. */
function typeNames(value: unknown): unknown {
  if (value === null) return 'null';
  return Array.isArray(value) ? value.map((one) => one ?? 'null') : value;
}

/** A schema without a keyword is written as an empty value. */
function schema(value: unknown): unknown {
  if (value === null) return {};
  return isObject(value) ? schemaFromTexts(value) : asBoolean(value);
}

function typed(value: unknown, type: unknown): unknown {
  const types = [type].flat();
  const number = types.includes('number') || types.includes('integer') ? asNumber(value) : value;
  if (number !== value) return number;
  return types.includes('boolean') ? asBoolean(value) : value;
}

function asNumber(value: unknown): unknown {
  return typeof value === 'string' && /^[+-]?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(value) ? Number(value) : value;
}

function asBoolean(value: unknown): unknown {
  return value === 'true' ? true : value === 'false' ? false : value;
}
