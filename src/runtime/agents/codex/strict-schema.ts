/*
 * Whether a schema is one that the service behind `--output-schema` takes: it refuses a request with any other (400,
 * invalid_json_schema). Every object names all that it holds, as required, and nothing else; only known words are used.
 */

type Schema = Readonly<Record<string, unknown>>;

const KNOWN = new Set([
  ...['type', 'properties', 'required', 'additionalProperties', 'items', 'enum', 'const', 'anyOf'],
  ...['title', 'description', '$schema', 'pattern', 'format', 'minimum', 'maximum', 'minItems', 'maxItems'],
]);
const DEEPEST = 5;

export function isStrict(schema: Schema): boolean {
  return schema.type === 'object' && schema.anyOf === undefined && fits(schema, 1);
}

function fits(schema: unknown, depth: number): boolean {
  if (!isObject(schema) || depth > DEEPEST || Object.keys(schema).some((key) => !KNOWN.has(key))) return false;
  const inner = [schema.items ?? [], schema.anyOf ?? []].flat();
  return inner.every((one) => fits(one, depth + 1)) && (!hasObjects(schema) || isClosed(schema, depth));
}

function hasObjects({ type, properties }: Schema): boolean {
  return properties !== undefined || [type].flat().includes('object');
}

function isClosed({ properties = {}, required = [], additionalProperties }: Schema, depth: number): boolean {
  if (additionalProperties !== false || !isObject(properties) || !Array.isArray(required)) return false;
  const names = Object.keys(properties);
  return names.every((name) => required.includes(name) && fits(properties[name], depth + 1));
}

function isObject(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
