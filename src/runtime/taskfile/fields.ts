import { z } from 'zod';
import { type Refusal, refuse } from '../model/refusal.ts';
import { TaskSpec } from '../model/spec.ts';
import { schemaFromTexts } from '../policy/result-schema/from-texts.ts';
import { isObject } from '../policy/result-schema/keywords.ts';
import { refuseSchema } from '../policy/result-schema/understand.ts';
import { quote } from './split.ts';
import type { Fields, Value } from './yaml.ts';

/**
 * Front matter gives texts only; what a text means is decided here, by the type that TaskSpec gives the key.
 *
 * A single text where a list is expected: for names (`tags: a, b`) it is split at commas; for sentences and patterns
 * (constraints, learnings, allowed_tools) it is one element, since commas belong to them.
 */
const COMMA_LISTS: ReadonlySet<string> = new Set(['tags', 'requires', 'depends_on']);

const KeySchema = z.object({
  type: z.enum(['string', 'boolean', 'number', 'integer', 'array', 'object']).optional(),
  anyOf: z.array(z.object({ enum: z.array(z.string()).optional(), const: z.string().optional() })).optional(),
  enum: z.array(z.string()).optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  exclusiveMinimum: z.number().optional(),
  maxLength: z.number().optional(),
  maxItems: z.number().optional(),
  format: z.string().optional(),
});
type KeySchema = z.infer<typeof KeySchema>;

const KEYS: ReadonlyMap<string, KeySchema> = new Map(
  Object.entries(z.toJSONSchema(TaskSpec, { io: 'input' }).properties ?? {}).map(([key, schema]) => [
    key,
    KeySchema.parse(schema),
  ]),
);

export interface ReadFields {
  readonly spec: TaskSpec;
  /** Keys that mean nothing to us: kept in the file, ignored. */
  readonly extra: Fields;
}

export function readFields(fields: Fields): ReadFields | Refusal {
  const given = new Map<string, unknown>();
  const extra = new Map<string, Value>();
  for (const [key, value] of fields) {
    const schema = KEYS.get(key);
    if (!schema) extra.set(key, value);
    else if (value !== null) given.set(key, convert(key, schema, value));
  }
  const parsed = TaskSpec.safeParse(Object.fromEntries(given));
  if (parsed.success) {
    const { result_schema } = parsed.data;
    return (result_schema && refuseSchema(result_schema)) ?? { spec: parsed.data, extra };
  }
  return refuseKey(String(parsed.error.issues[0]?.path[0] ?? ''), fields, parsed.error.issues[0]?.message ?? '');
}

/** What can't be converted is passed on as it is: zod then names what is wrong. */
function convert(key: string, schema: KeySchema, value: Value): unknown {
  switch (schema.type) {
    case 'boolean':
      return typeof value === 'string' && /^(true|false)$/i.test(value) ? value.toLowerCase() === 'true' : value;
    case 'number':
    case 'integer':
      return typeof value === 'string' && /^[+-]?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(value) ? Number(value) : value;
    case 'array':
      return list(key, value);
    case 'object':
      return typeof value === 'string' ? dataOf(value) : fromYaml(value);
    default:
      return value;
  }
}

/** Data of any shape stands there as JSON text. */
function dataOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Or as YAML, where every value is a text. */
function fromYaml(value: Value): unknown {
  const data = plainData(value);
  return isObject(data) ? schemaFromTexts(data) : data;
}

function plainData(value: Value): unknown {
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, inner]) => [key, plainData(inner)]));
  return Array.isArray(value) ? value.map(plainData) : value;
}

function list(key: string, value: Value): unknown {
  if (Array.isArray(value)) return value.map((item) => item ?? '');
  if (typeof value !== 'string') return value;
  if (!COMMA_LISTS.has(key)) return [value];
  const parts = value.split(',').map((part) => part.trim());
  return parts.filter((part) => part !== '');
}

function refuseKey(key: string, fields: Fields, message: string): Refusal {
  const value = show(fields.get(key) ?? null);
  const schema = KEYS.get(key);
  const allowed = schema ? allowedValues(schema) : '';
  const found = `front matter: ${key}: ${quote(value)} is not allowed`;
  return refuse('invalid', `${found} (${message})`, `Allowed for ${key}: ${allowed}. Mend the file and drop it again.`);
}

function show(value: Value): unknown {
  if (value instanceof Map) return Object.fromEntries([...value].slice(0, 5).map(([key, inner]) => [key, show(inner)]));
  if (Array.isArray(value)) return value.slice(0, 10).map(show);
  return value;
}

function allowedValues(schema: KeySchema): string {
  const named = schema.enum ?? schema.anyOf?.flatMap((option) => option.enum ?? option.const ?? []);
  if (named) return named.join(' | ');
  switch (schema.type) {
    case 'boolean':
      return 'true | false';
    case 'integer':
      return `a whole number from ${schema.minimum} to ${schema.maximum}`;
    case 'number':
      return `a number above ${schema.exclusiveMinimum ?? schema.minimum}, up to ${schema.maximum}`;
    case 'array':
      return `a list of at most ${schema.maxItems} texts`;
    case 'object':
      return 'an object, as JSON text or as YAML';
    case 'string':
    case undefined:
      if (schema.format === 'date-time') return 'a time with its zone, such as 2026-12-01T08:00:00Z';
      if (schema.format === 'uri') return 'a URL';
      return schema.maxLength ? `a text of 1 to ${schema.maxLength} characters` : 'the id of a task';
  }
}
