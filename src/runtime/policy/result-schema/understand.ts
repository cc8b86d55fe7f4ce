import { type Refusal, refuse } from '../../model/refusal.ts';
import { FORMATS } from './formats.ts';
import { isObject, KEYWORDS, referred, type Schema, step, TYPES } from './keywords.ts';

/*
 * A schema is understood as a whole before its task is taken: one whose keywords were passed over later would let a result
 * through that nobody asked for.
 */

const MAX_BYTES = 65_536;
const MAX_DEPTH = 32;
const MAX_PATTERN = 1_000;

/** Why results can't be compared with this schema, and where that stands in it. */
export function refuseSchema(schema: unknown): Refusal | undefined {
  const size = Buffer.byteLength(JSON.stringify(schema) ?? '');
  const why =
    size > MAX_BYTES
      ? `it has ${size} bytes, and ${MAX_BYTES} are allowed`
      : problemIn(schema as Schema, { root: schema as Schema, path: '', depth: 0 });
  if (why === undefined) return undefined;
  return refuse(
    'invalid',
    `result_schema: ${why}`,
    'give a JSON Schema with the usual keywords (type, properties, required, items, enum, minimum, pattern, anyOf, $ref to #/$defs …), or leave result_schema out',
  );
}

interface Place {
  readonly root: Schema;
  readonly path: string;
  readonly depth: number;
}

function problemIn(schema: unknown, at: Place): string | undefined {
  if (at.depth > MAX_DEPTH) return `it is nested more than ${MAX_DEPTH} levels deep${where(at)}`;
  if (typeof schema === 'boolean') return undefined;
  if (!isObject(schema)) return `a schema is expected${where(at)}, not ${shown(schema)}`;
  for (const [key, value] of Object.entries(schema)) {
    const problem = keywordProblem(key, value, at);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function keywordProblem(key: string, value: unknown, at: Place): string | undefined {
  const inside = (name: string | number) => ({ ...at, path: at.path + step(key) + step(name), depth: at.depth + 1 });
  switch (KEYWORDS.get(key)) {
    case undefined:
      return `the keyword ${JSON.stringify(key)}${where(at)} is not understood`;
    case 'note':
      return undefined;
    case 'schema':
      if (Array.isArray(value)) return `${key}${where(at)} is a list; prefixItems takes one`;
      return problemIn(value, { ...at, path: at.path + step(key), depth: at.depth + 1 });
    case 'schemas':
      if (!Array.isArray(value) || value.length === 0) return `${key}${where(at)} has to be a list of schemas`;
      return first(value, (one, n) => problemIn(one, inside(n)));
    case 'named':
      if (!isObject(value)) return `${key}${where(at)} has to hold schemas by their names`;
      return first(Object.entries(value), ([name, one]) => {
        const bad = key === 'patternProperties' ? patternProblem(name) : undefined;
        return bad === undefined ? problemIn(one, inside(name)) : `${key}${where(at)}: ${bad}`;
      });
    case 'count':
      return Number.isInteger(value) && Number(value) >= 0
        ? undefined
        : `${key}${where(at)} has to be a whole number, not ${shown(value)}`;
    case 'number':
      return typeof value === 'number' && (key !== 'multipleOf' || value > 0)
        ? undefined
        : `${key}${where(at)} has to be a ${key === 'multipleOf' ? 'positive ' : ''}number, not ${shown(value)}`;
    case 'own':
      return ownProblem(key, value, at);
  }
}

function ownProblem(key: string, value: unknown, at: Place): string | undefined {
  const bad = (allowed: string) => `${key}${where(at)} has to be ${allowed}, not ${shown(value)}`;
  switch (key) {
    case 'type': {
      const named = [value].flat();
      const known = named.length > 0 && named.every((one) => (TYPES as readonly unknown[]).includes(one));
      return known ? undefined : bad(`one or more of ${TYPES.join(', ')}`);
    }
    case 'enum':
      return Array.isArray(value) && value.length > 0 ? undefined : bad('a list of values');
    case 'required':
      return Array.isArray(value) && value.every((one) => typeof one === 'string') ? undefined : bad('a list of names');
    case 'uniqueItems':
      return typeof value === 'boolean' ? undefined : bad('true or false');
    case 'pattern': {
      const problem = typeof value === 'string' ? patternProblem(value) : 'it is no text';
      return problem === undefined ? undefined : `${key}${where(at)}: ${problem}`;
    }
    case 'format':
      return typeof value === 'string' && Object.hasOwn(FORMATS, value)
        ? undefined
        : bad(`one of ${Object.keys(FORMATS).join(', ')}`);
    case '$ref':
      return typeof value === 'string' && referred(at.root, value) !== undefined
        ? undefined
        : bad('"#" or "#/$defs/<name>", with that name in $defs');
    default:
      return undefined; // const: any value
  }
}

function patternProblem(pattern: string): string | undefined {
  if (pattern.length > MAX_PATTERN) return `it is longer than ${MAX_PATTERN} characters`;
  try {
    new RegExp(pattern, 'u');
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function first<T>(all: readonly T[], problem: (one: T, n: number) => string | undefined): string | undefined {
  for (const [n, one] of all.entries()) {
    const found = problem(one, n);
    if (found !== undefined) return found;
  }
  return undefined;
}

function where({ path }: Place): string {
  return path === '' ? '' : ` at ${path}`;
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
