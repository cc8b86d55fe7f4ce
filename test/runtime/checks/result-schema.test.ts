import { describe, expect, test } from 'vitest';
import { jsonIn } from '../../../src/runtime/checks/answer.ts';
import { world } from './checks-world.ts';

const result_schema = { type: 'object', required: ['ok'], properties: { ok: { type: 'boolean' } } };

describe('a result that has to fit a schema', () => {
  test('is what the agent gave as data, else the JSON in its answer', async () => {
    const { runtime, begun } = await world();
    const order = await begun({ result_schema });
    const given = { ...order.outcome, result: 'See above.', structured: { ok: true } };
    expect(await runtime().check({ ...order, outcome: given })).toMatchObject({
      kind: 'done',
      outcome: { structured: { ok: true }, verified: 'unverified', result: 'See above.' },
    });
    const said = { ...order.outcome, result: 'Here:\n\n```json\n{"ok": false}\n```\n' };
    expect(await runtime().check({ ...order, outcome: said })).toMatchObject({
      kind: 'done',
      outcome: { structured: { ok: false } },
    });
  });

  test('and does not is refused by its path; the next attempt is told', async () => {
    const { runtime, begun, again, store } = await world();
    const checks = runtime();
    const order = await begun({ result_schema, verify: 'touch ran' });
    const outcome = { ...order.outcome, result: '{"ok": "yes"}' };
    expect(await checks.check({ ...order, outcome })).toMatchObject({
      kind: 'failed',
      failure: {
        class: 'verify',
        reason: 'the result does not fit result_schema: /ok is string, not boolean',
        answer: '{"ok": "yes"}',
      },
    });
    await store.end(order.lease, { kind: 'requeue', class: 'verify', reason: 'no', not_before: 0, spent: false });
    const next = await again(order.lease.task);
    expect(await checks.complaint(next.task)).toContain('- /ok is string, not boolean');
  });

  test('is no JSON at all', async () => {
    const { runtime, begun } = await world();
    expect(await runtime().check(await begun({ result_schema }))).toMatchObject({
      failure: { reason: expect.stringContaining('the result is not JSON') },
    });
  });
});

describe('the JSON in an answer', () => {
  test.each([
    ['{"a": 1}', { a: 1 }],
    ['```json\n1\n```\nno:\n```json\n2\n```', 2],
    ['```\n[1]\n```\n```text\nnone\n```', [1]],
    ['```json\n{"a": "```"}\n```', { a: '```' }],
    ['````json\n{"code": "\\n```\\n"}\n````', { code: '\n```\n' }],
    ['~~~json\nnull\n~~~', null],
  ])('%j', (text, data) => {
    expect(jsonIn(text)).toEqual({ data });
  });

  test.each(['none', '```json\n{"a": \n```', '```json\n{"cut": 1}', '```json\n1\n```\n```json\nbroken\n```'])(
    '%j has none',
    (text) => {
      expect(jsonIn(text)).toBeUndefined();
    },
  );
});
