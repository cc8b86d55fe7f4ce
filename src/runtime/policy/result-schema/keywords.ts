/** JSON Schema as a task may bring it. Booleans are schemas too: anything, nothing. */
export type Schema = boolean | SchemaObject;
export type SchemaObject = Readonly<Record<string, unknown>>;

export const TYPES = ['null', 'boolean', 'integer', 'number', 'string', 'array', 'object'] as const;

type Kind = 'schema' | 'schemas' | 'named' | 'count' | 'number' | 'own' | 'note';

/** How keywords are written. One that stands in no line here is not understood, and refused rather than passed over. */
const WRITTEN: Readonly<Record<Kind, string>> = {
  schema: 'not if then else contains propertyNames items additionalProperties',
  schemas: 'anyOf oneOf allOf prefixItems',
  named: 'properties patternProperties $defs definitions',
  count: 'minLength maxLength minItems maxItems minContains maxContains minProperties maxProperties',
  number: 'minimum maximum exclusiveMinimum exclusiveMaximum multipleOf',
  own: 'type enum const required pattern format uniqueItems $ref',
  note: 'title description default examples deprecated readOnly writeOnly $comment $schema $id',
};

export const KEYWORDS: ReadonlyMap<string, Kind> = new Map(
  (Object.keys(WRITTEN) as Kind[]).flatMap((kind) => WRITTEN[kind].split(' ').map((key) => [key, kind] as const)),
);

/** `#/$defs/name`: the one place that a schema may point to, beside its own root. */
const LOCAL = /^#\/(\$defs|definitions)\/([^/]+)$/;

export function referred(root: Schema, ref: string): Schema | undefined {
  if (ref === '#') return root;
  const [, folder = '', name = ''] = LOCAL.exec(ref) ?? [];
  const defs = typeof root === 'object' && Object.hasOwn(root, folder) ? root[folder] : undefined;
  const key = name.replaceAll('~1', '/').replaceAll('~0', '~');
  if (!isObject(defs) || !Object.hasOwn(defs, key)) return undefined;
  return defs[key] as Schema;
}

export function isObject(value: unknown): value is SchemaObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A step of a JSON pointer. */
export function step(name: string | number): string {
  return `/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
