import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { Config } from '../../src/runtime/model/config.ts';
import { TaskSpec } from '../../src/runtime/model/spec.ts';
import { tools } from '../../src/tools/index.ts';
import { INSTRUCTIONS } from '../../src/tools/instructions.ts';

const DECISIVE = ['readOnlyHint', 'destructiveHint', 'idempotentHint', 'openWorldHint'];

test('there are thirteen tools', () => {
  expect(tools.map(({ name }) => name)).toMatchInlineSnapshot(`
    [
      "enqueue_task",
      "list_tasks",
      "job_status",
      "cancel_task",
      "retry_task",
      "list_sessions",
      "read_session",
      "message_session",
      "answer_request",
      "decide_route",
      "delegate",
      "fleet_status",
      "pause_work",
    ]
  `);
});

describe.each(tools.map((tool) => [tool.name, tool] as const))('%s', (_name, tool) => {
  test('says all four hints, and they do not contradict each other', () => {
    expect(Object.keys(tool.hints).sort()).toEqual([...DECISIVE].sort());
    if (tool.hints.readOnlyHint) expect(tool.hints).toMatchObject({ destructiveHint: false, idempotentHint: true });
  });

  test('describes itself in less than 2 KB and says when to use it', () => {
    expect(Buffer.byteLength(tool.description)).toBeLessThan(2_048);
    expect(tool.description).toMatch(/Use it /);
    expect(tool.title).not.toBe('');
  });

  test('its examples are accepted as input', () => {
    const examples = tool.description.split('\n').filter((line) => line.startsWith('{'));
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) expect(() => tool.input.parse(JSON.parse(example)), example).not.toThrow();
  });

  test('refuses arguments that it does not know', () => {
    const codes = tool.input.safeParse({ no_such_argument: 1 }).error?.issues.map(({ code }) => code);
    expect(codes).toContain('unrecognized_keys');
  });

  test('has schemas that clients read: an object at the root, no alternatives there', () => {
    for (const [schema, io] of [
      [tool.input, 'input'],
      [tool.output, 'output'],
    ] as const) {
      const root = z.toJSONSchema(schema, { io });
      expect(root).toMatchObject({ type: 'object' });
      for (const key of ['anyOf', 'oneOf', 'allOf', '$ref']) expect(root).not.toHaveProperty(key);
    }
    expect(z.toJSONSchema(tool.input, { io: 'input' })).toMatchObject({ additionalProperties: false });
  });
});

test('enqueue_task takes every front-matter key, alone and in a batch', () => {
  const schema = z.toJSONSchema(tools[0]?.input as z.ZodObject, { io: 'input' }) as {
    properties: Record<string, { items?: { properties: object } }>;
  };
  const keys = ['project', 'body', 'id', ...Object.keys(TaskSpec.shape)].sort();
  expect(
    Object.keys(schema.properties)
      .filter((key) => key !== 'tasks')
      .sort(),
  ).toEqual(keys);
  expect(Object.keys(schema.properties.tasks?.items?.properties ?? {}).sort()).toEqual(keys);
});

test('the three that a session starts with are always loaded, and answers need the user', () => {
  const loaded = tools.filter(({ meta }) => meta?.['anthropic/alwaysLoad'] === true).map(({ name }) => name);
  expect(loaded).toEqual(['enqueue_task', 'job_status', 'fleet_status']);
  const asking = tools
    .filter(({ meta }) => meta?.['anthropic/requiresUserInteraction'] === true)
    .map(({ name }) => name);
  expect(asking).toEqual(['answer_request']);
});

test('a client is told to ask its user before it answers, unless the configuration trusts it', () => {
  const answer = tools.find(({ name }) => name === 'answer_request');
  const asks = (trust: unknown) =>
    answer?.metaFor?.(Config.parse({ orchestrator_may_answer: trust }))['anthropic/requiresUserInteraction'] === true;
  expect([false, true, ['Bash(git *)']].map(asks)).toEqual([true, false, false]);
});

test('all that a client loads stays small', () => {
  const sizes = tools.map(
    ({ description, input }) => description.length + JSON.stringify(z.toJSONSchema(input, { io: 'input' })).length,
  );
  expect(sizes.reduce((a, b) => a + b)).toBeLessThan(27_000);
});

test('the instructions fit and name only tools that there are', () => {
  expect(Buffer.byteLength(INSTRUCTIONS)).toBeLessThan(2_048);
  const named = INSTRUCTIONS.match(/\b[a-z]+_(?:task|tasks|status|session|sessions|request|route)\b/g) ?? [];
  const names = tools.map(({ name }) => name);
  for (const name of named) expect(names).toContain(name);
});
