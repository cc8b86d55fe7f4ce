import { FORMATS } from './formats.ts';
import { isObject, referred, type Schema, type SchemaObject, step } from './keywords.ts';

/*
 * A value beside a schema that is understood (understand.ts).
 *
 * 1. Whatever schema and value hold, it ends soon: steps, depth and the time of a pattern are bounded, and what would
 *    cost more does not fit.
 * 2. Values are compared as they are: nothing is converted, filled in or left out.
 */

export interface Problem {
  /** JSON pointer into the value; empty for the whole of it. */
  readonly path: string;
  readonly says: string;
}

/** Whether a text has a match; undefined where looking takes too long. */
export type Matches = (pattern: string, text: string) => boolean | undefined;

const MAX_STEPS = 200_000;
const MAX_LEVELS = 200; // of the schema on top of the value's own
const MAX_DEPTH = 64;
const MAX_PROBLEMS = 20;

/** What of the value does not fit, at most twenty things; none where it fits. */
export function compare(schema: Schema, value: unknown, matches: Matches): readonly Problem[] {
  if (isDeep(value)) return [{ path: '', says: `is nested more than ${MAX_DEPTH} levels deep` }];
  const problems: Problem[] = [];
  try {
    new Comparison(schema, matches).check(schema, value, '', problems, 0);
  } catch (error) {
    if (!(error instanceof TooMuch)) throw error;
    return [{ path: '', says: error.message }, ...problems].slice(0, MAX_PROBLEMS);
  }
  return problems.slice(0, MAX_PROBLEMS);
}

class TooMuch extends Error {}

class Comparison {
  readonly #root: Schema;
  readonly #matches: Matches;
  #steps = 0;

  constructor(root: Schema, matches: Matches) {
    this.#root = root;
    this.#matches = matches;
  }

  check(schema: Schema, value: unknown, path: string, problems: Problem[], level: number): void {
    if (++this.#steps > MAX_STEPS || level > MAX_LEVELS) throw new TooMuch('takes too long to compare with the schema'); // 1
    const says = (text: string, at = path) => problems.push({ path: at, says: text });
    if (typeof schema === 'boolean') {
      if (!schema) says('must not be there');
      return;
    }
    const further = (one: Schema, inner: unknown, at = path) => this.check(one, inner, at, problems, level + 1);
    if (typeof schema.$ref === 'string') further(referred(this.#root, schema.$ref) ?? false, value);
    if (!hasType(schema, value)) return void says(`is ${typeOf(value)}, not ${[schema.type].flat().join(' or ')}`);
    this.#values(schema, value, says);
    if (typeof value === 'number') numberProblems(schema, value, says);
    if (typeof value === 'string') this.#text(schema, value, says);
    if (Array.isArray(value)) this.#list(schema, value, path, level, says, further);
    if (isObject(value)) this.#object(schema, value, path, level, says, further);
    this.#combined(schema, value, path, level, says, further);
  }

  #fits(schema: unknown, value: unknown, path: string, level: number): Problem | undefined {
    const problems: Problem[] = [];
    this.check(schema as Schema, value, path, problems, level + 1);
    return problems[0];
  }

  #values(schema: SchemaObject, value: unknown, says: Says): void {
    const { enum: allowed } = schema;
    const one = Object.hasOwn(schema, 'const') ? [schema.const] : undefined;
    for (const values of [allowed, one]) {
      if (!Array.isArray(values)) continue;
      this.#steps += values.length;
      const is = spelled(value);
      if (!values.some((other) => spelled(other) === is))
        says(`is ${short(value)}, not ${values.length > 1 ? 'one of ' : ''}${listed(values)}`);
    }
  }

  #text({ minLength, maxLength, pattern, format }: SchemaObject, value: string, says: Says): void {
    const length = minLength === undefined && maxLength === undefined ? 0 : [...value].length;
    if (typeof minLength === 'number' && length < minLength) says(`has ${length} characters, fewer than ${minLength}`);
    if (typeof maxLength === 'number' && length > maxLength) says(`has ${length} characters, more than ${maxLength}`);
    if (typeof pattern === 'string' && !this.#match(pattern, value)) says(`does not match ${short(pattern)}`);
    if (typeof format === 'string' && FORMATS[format]?.safeParse(value).success === false) says(`is no ${format}`);
  }

  #match(pattern: string, text: string): boolean {
    const found = this.#matches(pattern, text);
    if (found === undefined) throw new TooMuch(`takes too long to compare with the pattern ${short(pattern)}`); // 1
    return found;
  }

  #list(schema: SchemaObject, value: readonly unknown[], path: string, level: number, says: Says, further: Further) {
    const { minItems, maxItems, items, prefixItems, contains, minContains, maxContains } = schema;
    if (typeof minItems === 'number' && value.length < minItems)
      says(`has ${value.length} items, fewer than ${minItems}`);
    if (typeof maxItems === 'number' && value.length > maxItems)
      says(`has ${value.length} items, more than ${maxItems}`);
    const own = Array.isArray(prefixItems) ? prefixItems : [];
    for (const [n, item] of value.entries()) {
      const wanted = n < own.length ? own[n] : items;
      if (wanted !== undefined) further(wanted as Schema, item, path + step(n));
    }
    if (schema.uniqueItems === true && new Set(value.map(spelled)).size < value.length) says('has the same item twice');
    if (contains === undefined) return;
    const found = value.filter((item, n) => !this.#fits(contains, item, path + step(n), level)).length;
    const [least, most] = [minContains ?? 1, maxContains ?? Number.POSITIVE_INFINITY] as [number, number];
    if (found < least || found > most) says(`has ${found} items of the kind that contains asks for`);
  }

  #object(schema: SchemaObject, value: SchemaObject, path: string, level: number, says: Says, further: Further): void {
    const { required, minProperties, maxProperties, propertyNames, additionalProperties } = schema;
    const names = Object.keys(value);
    for (const name of Array.isArray(required) ? (required as string[]) : [])
      if (!Object.hasOwn(value, name)) says('is missing', path + step(name));
    if (typeof minProperties === 'number' && names.length < minProperties) says(`has fewer than ${minProperties} keys`);
    if (typeof maxProperties === 'number' && names.length > maxProperties) says(`has more than ${maxProperties} keys`);
    const patterns = isObject(schema.patternProperties) ? Object.entries(schema.patternProperties) : [];
    for (const name of names) {
      const at = path + step(name);
      const bad = propertyNames === undefined ? undefined : this.#fits(propertyNames, name, at, level);
      if (bad) says(`is a key that is not allowed: it ${bad.says}`, at);
      const own = isObject(schema.properties) && Object.hasOwn(schema.properties, name);
      if (own) further((schema.properties as SchemaObject)[name] as Schema, value[name], at);
      const alike = patterns.filter(([pattern]) => this.#match(pattern, name));
      for (const [, wanted] of alike) further(wanted as Schema, value[name], at);
      if (own || alike.length > 0 || additionalProperties === undefined) continue;
      if (additionalProperties === false) says('is a key that the schema does not know', at);
      else further(additionalProperties as Schema, value[name], at);
    }
  }

  #combined(schema: SchemaObject, value: unknown, path: string, level: number, says: Says, further: Further): void {
    const { allOf, anyOf, oneOf, not } = schema;
    if (Array.isArray(allOf)) for (const one of allOf) further(one as Schema, value);
    if (Array.isArray(anyOf)) {
      const found = anyOf.map((one) => this.#fits(one, value, path, level));
      if (found.every((problem) => problem !== undefined)) says(`fits none of ${found.length} forms${nearest(found)}`);
    }
    if (Array.isArray(oneOf)) {
      const found = oneOf.map((one) => this.#fits(one, value, path, level));
      const fitting = found.filter((problem) => problem === undefined).length;
      if (fitting === 0) says(`fits none of ${found.length} forms${nearest(found)}`);
      if (fitting > 1) says(`fits ${fitting} forms of which it may fit one`);
    }
    if (not !== undefined && !this.#fits(not, value, path, level)) says('has a form that is not allowed');
    if (schema.if === undefined) return;
    const then = this.#fits(schema.if, value, path, level) ? schema.else : schema.then;
    if (then !== undefined) further(then as Schema, value);
  }
}

type Says = (text: string, at?: string) => unknown;
type Further = (schema: Schema, value: unknown, at?: string) => void;

function nearest([first]: readonly (Problem | undefined)[]): string {
  return first ? ` (the first: ${first.path || 'it'} ${first.says})` : '';
}

function numberProblems(schema: SchemaObject, value: number, says: Says): void {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  if (typeof minimum === 'number' && value < minimum) says(`is ${value}, less than ${minimum}`);
  if (typeof maximum === 'number' && value > maximum) says(`is ${value}, more than ${maximum}`);
  if (typeof exclusiveMinimum === 'number' && value <= exclusiveMinimum)
    says(`is ${value}, not above ${exclusiveMinimum}`);
  if (typeof exclusiveMaximum === 'number' && value >= exclusiveMaximum)
    says(`is ${value}, not below ${exclusiveMaximum}`);
  if (typeof multipleOf === 'number' && !isMultiple(value, multipleOf))
    says(`is ${value}, no multiple of ${multipleOf}`);
}

/** 0.3 is a multiple of 0.1, whatever binary fractions make of it. */
function isMultiple(value: number, of: number): boolean {
  const times = value / of;
  return Math.abs(times - Math.round(times)) < 1e-9 * Math.max(1, Math.abs(times));
}

function hasType({ type }: SchemaObject, value: unknown): boolean {
  if (type === undefined) return true;
  const is = typeOf(value);
  return [type].flat().some((one) => one === is || (one === 'number' && is === 'integer'));
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isInteger(value) ? 'integer' : typeof value;
}

/** Equal values are spelled equally, in whatever order their keys stand. */
function spelled(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spelled).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value) ?? 'undefined';
  const entries = Object.keys(value).sort();
  return `{${entries.map((key) => `${JSON.stringify(key)}:${spelled(value[key])}`).join(',')}}`;
}

function isDeep(value: unknown): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) return true;
    level = level.flatMap((one) => (typeof one === 'object' && one !== null ? Object.values(one) : []));
  }
  return false;
}

function listed(values: readonly unknown[]): string {
  const shown = values.slice(0, 10).map(short).join(', ');
  return values.length > 10 ? `${shown} …` : shown;
}

function short(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
