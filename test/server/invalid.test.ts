import { expect, test } from 'vitest';
import { z } from 'zod';
import { nearest } from '../../src/runtime/model/nearest.ts';
import type { Yard } from '../../src/runtime/yard.ts';
import { callTool } from '../../src/server/call.ts';
import { uriPattern } from '../../src/server/template.ts';
import { defineTool } from '../../src/tools/tool.ts';

const tool = defineTool({
  name: 'enqueue',
  title: 'Enqueue',
  description: '',
  input: z.object({
    project: z.string().min(1),
    priority: z.enum(['critical', 'high', 'default', 'low']).optional(),
    ttl: z.number().int().min(60).max(86_400).optional(),
    tags: z.array(z.string()).max(2).optional(),
    wait: z.union([z.number(), z.enum(['any', 'all'])]).optional(),
    when: z.string().regex(/^\d+$/, 'only digits').optional(),
  }),
  output: z.object({ ok: z.boolean() }),
  hints: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
  handle: async () => ({ ok: true, secret: 'not in the schema' }),
});

const ctx = {
  yard: {} as Yard,
  caller: { principal: 'owner', name: 'owner' },
  signal: new AbortController().signal,
} as const;

async function complaint(args: unknown): Promise<string> {
  const called = await callTool(tool, ctx, args);
  return called.kind === 'refused' ? called.refusal.message : 'accepted';
}

test.each([
  [{}, 'enqueue: "project" is missing; allowed: string'],
  [undefined, 'enqueue: "project" is missing; allowed: string'],
  [{ project: '' }, 'enqueue: "project" is ""; allowed: at least 1 characters'],
  [
    { project: 'a', priority: 'hihg' },
    '"priority" is "hihg"; allowed: critical | high | default | low (did you mean "high"?)',
  ],
  [{ project: 'a', ttl: 5 }, '"ttl" is 5; allowed: at least 60'],
  [{ project: 'a', tags: ['a', 'b', 'c'] }, '"tags" is ["a","b","c"]; allowed: at most 2 items'],
  [{ project: 'a', tags: ['a', 3] }, '"tags[1]" is 3; allowed: string'],
  [{ project: 'a', wait: 'some' }, '"wait" is "some"; allowed: number, or any | all'],
  [{ project: 'a', when: 'soon' }, '"when" is "soon"; allowed: only digits'],
  [{ project: 'a', prioritty: 'high' }, 'unknown argument "prioritty", did you mean "priority"?'],
  [{ project: 'a', zebra: 1 }, 'unknown argument "zebra" (allowed: project, priority, ttl, tags, wait, when)'],
  ['text', 'enqueue: the whole argument is "text"; allowed: object'],
])('%j', async (args, said) => {
  expect(await complaint(args)).toContain(said);
});

test('a long value is cut', async () => {
  const said = await complaint({ project: 'a', priority: 'x'.repeat(5_000) });
  expect(said.length).toBeLessThan(300);
  expect(said).toContain('(5002 characters)');
});

test('many mistakes are counted, not listed', async () => {
  const said = await complaint({ project: 1, priority: 1, ttl: 'x', tags: 1, when: 1, wait: true });
  expect(said).toMatch(/; and 1 more$/);
});

test('an answer holds what its schema names and nothing else', async () => {
  expect(await callTool(tool, ctx, { project: 'a' })).toEqual({ kind: 'answer', value: { ok: true } });
});

test('the nearest word is near', () => {
  expect(nearest('list_task', ['list_tasks', 'list_sessions'])).toBe('list_tasks');
  expect(nearest('banana', ['list_tasks', 'delegate'])).toBeUndefined();
  expect(nearest('x'.repeat(10_000), ['a'])).toBeUndefined();
});

test('a template’s variables are single, decoded segments', () => {
  const { match } = uriPattern('task://{project}/{id}');
  expect(match('task://shop/fix-1')).toEqual({ project: 'shop', id: 'fix-1' });
  expect(match('task://my%20shop/a%2Fb')).toEqual({ project: 'my shop', id: 'a/b' });
  expect(match('task://shop/a/b')).toBeUndefined();
  expect(match('task://shop/%zz')).toBeUndefined();
  expect(uriPattern('queue://inbox').match('queue://inboxes')).toBeUndefined();
});
