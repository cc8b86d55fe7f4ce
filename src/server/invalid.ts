import type { z } from 'zod';
import { nearest } from '../runtime/model/nearest.ts';
import { type Refusal, refuse } from '../runtime/model/refusal.ts';

/** The part of JSON Schema that is looked at to say what is allowed. */
export interface JsonSchema {
  readonly [key: string]: unknown;
  readonly type: 'object';
  readonly properties?: Record<string, JsonSchema>;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
}

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

const MAX_ISSUES = 5;
const MAX_VALUE = 80;
const MAX_ALLOWED = 40;

/** Names the field, what was given, what is allowed and what was probably meant. */
export function invalidInput(tool: string, schema: JsonSchema, error: z.ZodError, args: unknown): Refusal {
  const said = error.issues.slice(0, MAX_ISSUES).map((issue) => describe(issue, [], schema, args));
  const more = error.issues.length - said.length;
  const rest = more > 0 ? `; and ${more} more` : '';
  return refuse(
    'invalid',
    `${tool}: ${said.join('; ')}${rest}`,
    `Nothing was changed. Correct ${said.length + more === 1 ? 'it' : 'them'} and call ${tool} again.`,
  );
}

function describe(issue: Issue, above: Path, schema: JsonSchema, args: unknown): string {
  const path = [...above, ...issue.path];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(key, path, keysAt(schema, path))).join('; ');
    case 'invalid_union': {
      const closest = [...issue.errors].sort((a, b) => deepest(b) - deepest(a))[0]?.[0];
      const decided = closest !== undefined && (issue.errors.length === 1 || closest.path.length > 0);
      if (decided) return describe(closest, path, schema, args);
      const allowed = issue.errors.map((errors) => errors[0]).flatMap((first) => (first ? [allowedBy(first)] : []));
      return `${given(path, args)}; allowed: ${allowed.join(', or ')}`;
    }
    default:
      return `${given(path, args)}; allowed: ${allowedBy(issue)}${meant(issue, valueAt(args, path))}`;
  }
}

function allowedBy(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.expected;
    case 'invalid_value':
      return issue.values.map(String).join(' | ');
    case 'too_small':
      return `at least ${issue.minimum}${unit(issue.origin)}`;
    case 'too_big':
      return `at most ${issue.maximum}${unit(issue.origin)}`;
    default:
      return issue.message;
  }
}

function unit(origin: string): string {
  if (origin === 'string') return ' characters';
  return origin === 'array' || origin === 'set' ? ' items' : '';
}

function meant(issue: Issue, value: unknown): string {
  if (issue.code !== 'invalid_value' || typeof value !== 'string') return '';
  const near = nearest(value, issue.values.map(String));
  return near === undefined ? '' : ` (did you mean "${near}"?)`;
}

function unknownKey(key: string, path: Path, allowed: readonly string[]): string {
  const near = nearest(key, allowed);
  const hint = near === undefined ? '' : `, did you mean "${near}"?`;
  const shown = allowed.slice(0, MAX_ALLOWED).join(', ');
  return `unknown argument "${bounded(nameOf([...path, key]))}"${hint}${shown ? ` (allowed: ${shown})` : ''}`;
}

function given(path: Path, args: unknown): string {
  const value = valueAt(args, path);
  const name = path.length === 0 ? 'the whole argument' : `"${nameOf(path)}"`;
  if (value === undefined) return `${name} is missing`;
  return `${name} is ${bounded(JSON.stringify(value) ?? String(value))}`;
}

function nameOf(path: Path): string {
  return path.reduce<string>(
    (name, part) =>
      typeof part === 'number' ? `${name}[${part}]` : name === '' ? String(part) : `${name}.${String(part)}`,
    '',
  );
}

function valueAt(args: unknown, path: Path): unknown {
  let value: unknown = args;
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<PropertyKey, unknown>)[part];
  }
  return value;
}

function keysAt(schema: JsonSchema, path: Path): string[] {
  let here: readonly JsonSchema[] = [schema];
  for (const part of path) {
    here = here.flatMap((one) => alternatives(typeof part === 'number' ? one.items : one.properties?.[String(part)]));
  }
  return [...new Set(here.flatMap((one) => Object.keys(one.properties ?? {})))];
}

function alternatives(schema: JsonSchema | undefined): readonly JsonSchema[] {
  return schema === undefined ? [] : (schema.anyOf ?? [schema]);
}

function deepest(issues: readonly Issue[]): number {
  return Math.max(0, ...issues.map((issue) => issue.path.length));
}

function bounded(text: string): string {
  return text.length <= MAX_VALUE ? text : `${text.slice(0, MAX_VALUE)}… (${text.length} characters)`;
}
