import { z } from 'zod';
import { AttemptTime, Config, Keep, ProjectConfig } from '../model/config.ts';
import { Duration } from '../model/duration.ts';
import { keyOfPath } from './problem.ts';

/** A value that the schema refuses, said for a person; the path finds its line. */
export interface Finding {
  readonly path: readonly PropertyKey[];
  readonly key: string;
  readonly value?: unknown;
  readonly message: string;
  readonly allowed?: string;
}

type Issue = z.core.$ZodIssue;

export function validate(value: unknown): { config: Config } | { findings: readonly Finding[] } {
  const parsed = Config.safeParse(value);
  return parsed.success ? { config: parsed.data } : { findings: findingsIn(parsed.error, Config, value) };
}

/** A project's file. A key that only the user may set is refused by that name. */
export function validateProject(value: unknown): { config: ProjectConfig } | { findings: readonly Finding[] } {
  const parsed = ProjectConfig.safeParse(value);
  if (parsed.success) return { config: parsed.data };
  const findings = findingsIn(parsed.error, ProjectConfig, value).map((finding) => {
    const usersOwn = finding.message === UNKNOWN && isKey(finding.path);
    return usersOwn ? { ...finding, message: "is for the user's own file; a project may not set it" } : finding;
  });
  return { findings };
}

function findingsIn(error: z.ZodError, schema: z.ZodType, value: unknown): Finding[] {
  // A misspelt key explains the one that is missing, so it is named first.
  const misspelt = (issue: Issue): number => (issue.code === 'unrecognized_keys' ? 0 : 1);
  const issues = [...error.issues].sort((a, b) => misspelt(a) - misspelt(b));
  return issues.flatMap((issue) => findingsOf(issue, schema, value));
}

const UNKNOWN = 'is not a known key';

function findingsOf(issue: Issue, schema: z.ZodType, root: unknown): Finding[] {
  const { path } = issue;
  if (issue.code === 'unrecognized_keys') {
    const allowed = keysAt(schema, path);
    return issue.keys.map((key) => ({
      path: [...path, key],
      key: keyOfPath([...path, key]),
      message: UNKNOWN,
      ...(allowed.length > 0 ? { allowed: allowed.join(', ') } : {}),
    }));
  }
  const value = valueAt(root, path);
  const here = { path, key: keyOfPath(path) };
  if (value === undefined) return [{ ...here, message: 'is missing', allowed: allowedBy(issue) }];
  return [{ ...here, value, message: 'is not usable', allowed: allowedBy(issue) }];
}

/** What would have been right, in words. */
function allowedBy(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return article(issue.expected);
    case 'invalid_value':
      return issue.values.map(String).join(', ');
    case 'too_small':
      return `${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}${unit(issue.origin)}`;
    case 'too_big':
      return `${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}${unit(issue.origin)}`;
    case 'invalid_union':
      return [...new Set(issue.errors.flat().map(allowedBy))].join(' or ') || kinds(issue.message);
    case 'invalid_key':
    case 'invalid_element':
      return issue.issues.map(allowedBy).join(' or ') || issue.message;
    case 'invalid_format':
      return issue.format === 'url' ? 'a URL such as https://jobs.example.com' : issue.message;
    case 'not_multiple_of':
      return `a multiple of ${issue.divisor}`;
    case 'unrecognized_keys':
    case 'custom':
      return issue.message;
  }
}

/** Of a union that goes by its `kind`, only the message says which there are. */
function kinds(message: string): string {
  return message
    .replace(/^Invalid discriminator value\. Expected /, '')
    .replaceAll(' | ', ', ')
    .replaceAll("'", '');
}

function article(expected: string): string {
  const words: Record<string, string> = {
    array: 'a list',
    object: 'keys with values',
    record: 'names with values',
    int: 'a whole number',
    number: 'a number',
    string: 'text',
    boolean: 'true or false',
  };
  return words[expected] ?? expected;
}

function unit(origin: string): string {
  if (origin === 'string') return ' characters';
  return origin === 'array' ? ' entries' : '';
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined,
    root,
  );
}

/** The keys that the schema knows at a path. */
function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  const shape = (unwrap(schemaAt(schema, path)) as { shape?: object } | undefined)?.shape;
  return shape ? Object.keys(shape) : [];
}

function isKey(path: readonly PropertyKey[]): boolean {
  return schemaAt(Config, path) !== undefined;
}

/** The schema of a key; undefined for one that is not known. */
export function schemaAt(schema: z.ZodType, path: readonly PropertyKey[]): z.ZodType | undefined {
  return path.reduce<unknown>((at, key) => inside(at, key), schema) as z.ZodType | undefined;
}

function inside(schema: unknown, key: PropertyKey): unknown {
  const kind = unwrap(schema) as
    | { shape?: Record<PropertyKey, unknown>; element?: unknown; valueType?: unknown; def?: { catchall?: unknown } }
    | undefined;
  return kind?.shape?.[key] ?? kind?.element ?? kind?.valueType ?? anyOther(kind?.def?.catchall);
}

/** The schema of the keys that an object does not name; strict ones allow none. */
function anyOther(schema: unknown): unknown {
  return schema instanceof z.ZodNever ? undefined : schema;
}

/** Does the key hold a span of time? */
export function isDuration(schema: unknown): boolean {
  return ([Duration, Keep, AttemptTime] as unknown[]).includes(unwrap(schema));
}

/** Through defaults and optionals to what they wrap. */
export function unwrap(schema: unknown): unknown {
  const inner = (schema as { def?: { innerType?: unknown } } | undefined)?.def?.innerType;
  return inner === undefined ? schema : unwrap(inner);
}
