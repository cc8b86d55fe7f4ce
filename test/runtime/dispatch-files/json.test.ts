import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readDocument } from '../../../src/runtime/dispatch-files/document.ts';
import { readJson } from '../../../src/runtime/dispatch-files/json.ts';
import { wantedBy } from '../../../src/runtime/dispatch-files/task-of.ts';
import { Config } from '../../../src/runtime/model/config.ts';
import { parseTask } from '../../../src/runtime/taskfile/parse.ts';

const read = (text: string) => readJson(Buffer.from(text));
const reason = (text: string | Uint8Array) => {
  const found = readJson(typeof text === 'string' ? Buffer.from(text) : text);
  return found.kind === 'unfit' ? found.reason : expect.fail(`it was read: ${text}`);
};

test('a key that is there twice is refused, however it is written and however deep it lies', () => {
  expect(reason('{"id": "a", "id": "b"}')).toMatch(/"id" is there twice/);
  expect(reason('{"id": "a", "\\u0069d": "b"}')).toMatch(/"id" is there twice/);
  expect(reason('{"a": [{"b": {"c": 1, "c" : 2}}]}')).toMatch(/"c" is there twice/);
  expect(read('{"a": {"b": 1}, "b": [{"a": 1}, {"a": ":\\":{"}]}').kind).toBe('read');
});

test('bytes that are no text, NUL, half characters, depth and what is no object are refused', () => {
  expect(reason(Buffer.from([0x7b, 0xff, 0x7d]))).toMatch(/UTF-8/);
  expect(reason('{"a": "\\u0000"}')).toMatch(/NUL/);
  expect(reason('{"a\\ud800": 1}')).toMatch(/half a character/);
  expect(reason(`{"a": ${'['.repeat(32)}${']'.repeat(32)}}`)).toMatch(/nested/);
  expect(reason('['.repeat(1_000_000))).toMatch(/not valid JSON/);
  expect(reason(`${'['.repeat(500_000)}${']'.repeat(500_000)}`)).toMatch(/nested/);
  for (const text of ['', ' ', '7', '"x"', 'null', '[]', '[{}]', '{"a": 1,}', "{'a': 1}", '{"a": NaN}', '{} {}'])
    expect(reason(text), text).toMatch(/JSON/);
  expect(read('\ufeff{"a": 1}').kind).toBe('read');
});

const depth = { maxDepth: 6, noNullPrototype: true } as const;

test('any other JSON object is read as it was written', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.jsonValue(depth)),
      fc.constantFrom(undefined, 1, '\t'),
      (object, space) => {
        const text = JSON.stringify(object, null, space);
        fc.pre(!/\\u0000|\\ud[89a-f]/.test(text) && !text.includes('\0'));
        expect(read(text)).toEqual({ kind: 'read', object: JSON.parse(text) });
      },
    ),
  );
});

test('whatever the bytes are, they are read or refused, never thrown at', () => {
  const mangled = fc.tuple(fc.jsonValue(depth), fc.nat(), fc.uint8Array({ maxLength: 8 })).map(([value, at, noise]) => {
    const bytes = Buffer.from(JSON.stringify({ id: value }));
    return Buffer.concat([bytes.subarray(0, at % bytes.length), noise, bytes.subarray(at % bytes.length)]);
  });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array(), mangled), (bytes) => {
      const found = readJson(bytes);
      if (found.kind === 'read') expect(['document', 'unfit']).toContain(readDocument(found.object).kind);
      else expect(found.reason).not.toBe('');
    }),
  );
});

const sound = { id: 'dispatch-x', dispatched_by: 'me', task: 'Do it.', project: 'shop', project_dir: '/code/shop' };
const rules = { checks: new Set(['test']), callbacks: { hosts: [], private: false } };

test('a field of the wrong type is refused by its name, whatever it holds', () => {
  const fields = [
    ...Object.keys(sound),
    'target_agent',
    'learnings',
    'ttl_seconds',
    'priority',
    'depends_on',
    'verify',
  ];
  const odd = fc.oneof(fc.boolean(), fc.double({ max: 59, noNaN: true }), fc.constant({ a: 1 }), fc.constant([[1]]));
  fc.assert(
    fc.property(fc.constantFrom(...fields), odd, (field, value) => {
      const found = readDocument({ ...sound, [field]: value });
      expect(found).toMatchObject({ kind: 'unfit', field: expect.stringMatching(new RegExp(`^${field}`)) });
    }),
  );
});

test('the task file that is made says what the JSON said', () => {
  const config = Config.parse({});
  const words = fc.string({ unit: 'binary', minLength: 1 }).filter((text) => !text.includes('\0') && /\w/.test(text));
  const more = fc.record(
    {
      learnings: fc.array(words, { maxLength: 4 }),
      constraints: fc.array(words, { maxLength: 4 }),
      tags: fc.array(fc.stringMatching(/^\w+$/), { maxLength: 3 }),
      priority: fc.constantFrom('critical', 'high', 'medium', 'low'),
      ttl_seconds: fc.integer({ min: 60, max: 86_400 }),
      verify: fc.constant('test'),
      result_schema: fc.constant({ type: 'object', required: ['a'] }),
      target_agent: fc.constant('codex'),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(words, words, more, (task, by, fields) => {
      const file = { ...sound, ...fields, task, dispatched_by: by.slice(0, 300) };
      const document = readDocument(JSON.parse(JSON.stringify(file)));
      if (document.kind === 'unfit') return expect(document.field).toMatch(/^(task|dispatched_by|tags)/);
      const wanted = wantedBy(document, Buffer.from('x'), config, rules);
      if (wanted.kind === 'unfit') expect.fail(wanted.reason);
      const parsed = parseTask(wanted.bytes);
      if ('refused' in parsed) expect.fail(parsed.message);
      expect({ spec: parsed.spec, title: parsed.title, body: parsed.body }).toEqual({
        ...{ spec: wanted.spec, title: wanted.title, body: task },
      });
    }),
  );
});
