import { describe, expect, test } from 'vitest';
import { compare, type Matches } from '../../../../src/runtime/policy/result-schema/compare.ts';
import { schemaFromTexts } from '../../../../src/runtime/policy/result-schema/from-texts.ts';
import { refuseSchema } from '../../../../src/runtime/policy/result-schema/understand.ts';

const matches: Matches = (pattern, text) => new RegExp(pattern, 'u').test(text);
const says = (schema: object | boolean, value: unknown) =>
  compare(schema as never, value, matches).map(({ path, says }) => `${path} ${says}`.trim());

describe('a schema that is not understood', () => {
  test.each([
    [{ unevaluatedProperties: false }, 'the keyword "unevaluatedProperties" is not understood'],
    [{ properties: { a: { minimun: 1 } } }, 'the keyword "minimun" at /properties/a is not understood'],
    [{ type: 'text' }, 'type has to be one or more of null, boolean'],
    [{ items: [{}] }, 'items is a list; prefixItems takes one'],
    [{ anyOf: [] }, 'anyOf has to be a list of schemas'],
    [{ $ref: '#/$defs/a' }, '$ref has to be "#" or'],
    [{ $ref: 'https://example.org/a' }, '$ref has to be'],
    [{ pattern: '(' }, 'pattern: Invalid regular expression'],
    [{ minLength: '3' }, 'minLength has to be a whole number, not "3"'],
    [{ exclusiveMinimum: true, minimum: 1 }, 'exclusiveMinimum has to be a number, not true'],
    [{ format: 'iban' }, 'format has to be one of date-time'],
    [{ constructor: {} }, 'the keyword "constructor" is not understood'],
    [{ properties: { a: 3 } }, 'a schema is expected at /properties/a, not 3'],
  ])('%j is refused by the key', (schema, message) => {
    expect(refuseSchema(schema)?.message).toContain(`result_schema: ${message}`);
  });

  test('one that is too deep or too long is refused', () => {
    let deep: object = {};
    for (let n = 0; n < 40; n++) deep = { items: deep };
    expect(refuseSchema(deep)?.message).toContain('more than 32 levels');
    expect(refuseSchema({ description: 'x'.repeat(70_000) })?.message).toContain('65536 are allowed');
  });
});

describe('a value that does not fit is told by its path', () => {
  test.each<[object | boolean, unknown, string[]]>([
    [{ type: 'object', required: ['a'] }, {}, ['/a is missing']],
    [{ properties: { a: { type: 'string' } } }, { a: 1 }, ['/a is integer, not string']],
    [{ type: ['string', 'null'] }, null, []],
    [{ type: 'integer' }, 1.5, ['is number, not integer']],
    [{ type: 'number' }, 1, []],
    [{ items: { enum: ['a', 'b'] } }, ['a', 'c'], ['/1 is "c", not one of "a", "b"']],
    [{ const: { a: 1, b: [2] } }, { b: [2], a: 1 }, []],
    [{ prefixItems: [{ type: 'string' }], items: false }, ['a', 2], ['/1 must not be there']],
    [
      { additionalProperties: false, properties: { a: true } },
      { a: 1, b: 2 },
      ['/b is a key that the schema does not know'],
    ],
    [{ patternProperties: { '^x-': { type: 'number' } } }, { 'x-a': 'n' }, ['/x-a is string, not number']],
    [
      { propertyNames: { maxLength: 2 } },
      { abc: 1 },
      ['/abc is a key that is not allowed: it has 3 characters, more than 2'],
    ],
    [{ minItems: 2, uniqueItems: true }, [{ a: 1, b: 2 }], ['has 1 items, fewer than 2']],
    [
      { uniqueItems: true },
      [
        { a: 1, b: 2 },
        { b: 2, a: 1 },
      ],
      ['has the same item twice'],
    ],
    [{ contains: { const: 1 }, maxContains: 1 }, [1, 1], ['has 2 items of the kind that contains asks for']],
    [{ minLength: 2 }, '😀', ['has 1 characters, fewer than 2']],
    [{ pattern: '^a+$' }, 'b', ['does not match "^a+$"']],
    [{ format: 'date-time' }, '2026-13-01', ['is no date-time']],
    [{ minimum: 1, exclusiveMaximum: 3 }, 3, ['is 3, not below 3']],
    [{ multipleOf: 0.1 }, 0.3, []],
    [
      { anyOf: [{ type: 'string' }, { type: 'null' }] },
      1,
      ['fits none of 2 forms (the first: it is integer, not string)'],
    ],
    [{ oneOf: [{ type: 'number' }, { minimum: 0 }] }, 1, ['fits 2 forms of which it may fit one']],
    [{ not: { type: 'string' } }, 'a', ['has a form that is not allowed']],
    [JSON.parse('{"if":{"required":["a"]},"then":{"required":["b"]}}'), { a: 1 }, ['/b is missing']],
    [{ $ref: '#/$defs/n', $defs: { n: { type: 'null' } } }, 1, ['is integer, not null']],
    [{ properties: { 'a/b': { type: 'null' } } }, { 'a/b': 1 }, ['/a~1b is integer, not null']],
    [true, { any: 'thing' }, []],
  ])('%j beside %j', (schema, value, expected) => {
    expect(refuseSchema(schema)).toBeUndefined();
    expect(says(schema, value)).toEqual(expected);
  });

  test('a tree is compared through its reference to itself', () => {
    const tree = { properties: { left: { $ref: '#' }, value: { type: 'number' } } };
    expect(says(tree, { value: 1, left: { left: { value: 'x' } } })).toEqual([
      '/left/left/value is string, not number',
    ]);
  });
});

describe('whatever it costs is bounded', () => {
  test('a schema that refers to itself and nothing else ends', () => {
    expect(says({ $ref: '#' }, 1)).toEqual(['takes too long to compare with the schema']);
  });

  test('so does one whose forms multiply', () => {
    const form = {
      anyOf: [{ properties: { a: { $ref: '#' } }, required: ['b'] }, { properties: { a: { $ref: '#' } } }],
    };
    let value: object = { c: 1 };
    for (let n = 0; n < 60; n++) value = { a: value };
    expect(says({ ...form, required: ['a'] }, value)[0]).toContain('takes too long');
  });

  test('a pattern that takes too long fits nothing', () => {
    const slow: Matches = () => undefined;
    expect(compare({ items: { pattern: 'x' } }, ['a', 'b'], slow)).toHaveLength(1);
  });

  test('a deep value is none that fits', () => {
    let value: unknown = 1;
    for (let n = 0; n < 10_000; n++) value = [value];
    expect(says(true, value)).toEqual(['is nested more than 64 levels deep']);
  });

  test('at most twenty things are told', () => {
    expect(says({ items: { type: 'string' } }, Array(100).fill(1))).toHaveLength(20);
  });
});

test('texts of front matter become what their keyword wants', () => {
  const texts = {
    type: 'object',
    required: ['n'],
    additionalProperties: 'false',
    properties: {
      n: { type: 'integer', minimum: '1', enum: ['1', '2'] },
      s: { type: 'string', enum: ['1', 'true'], minLength: '1' },
      b: { type: 'boolean', const: 'true' },
      l: { type: ['array', null], items: null, uniqueItems: 'true' },
    },
  };
  expect(schemaFromTexts(texts)).toEqual({
    type: 'object',
    required: ['n'],
    additionalProperties: false,
    properties: {
      n: { type: 'integer', minimum: 1, enum: [1, 2] },
      s: { type: 'string', enum: ['1', 'true'], minLength: 1 },
      b: { type: 'boolean', const: true },
      l: { type: ['array', 'null'], items: {}, uniqueItems: true },
    },
  });
});
