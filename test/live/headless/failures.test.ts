import { afterEach, describe, expect, test } from 'vitest';
import { bash, FAILURES, subscriptionLimit, type Turn } from '../model/play.ts';
import { program } from '../program.ts';
import type { LiveYard } from '../yard.ts';
import { HEADLESS, openHeadless } from './yard.ts';

/* What goes wrong with the real Claude Code without a terminal ends in the right class; none of it is called done. */

const claude = program('claude');

let yard: LiveYard;
afterEach(() => yard?.end(), 60_000);

const enqueue = (id: string, more: object, ...play: Turn[]) =>
  yard.enqueue(id, `Do it. ${yard.stage.put(id, ...play)}`, { ...HEADLESS, max_attempts: 2, ...more });

describe('the service', () => {
  test.each([
    ['too many requests', FAILURES.rateLimit, 'rate_limit', false],
    ['overloaded', FAILURES.overloaded, 'rate_limit', false],
    ['an invalid key', FAILURES.badKey, 'auth', false],
    ['no credit', FAILURES.credit, 'billing', false],
    ['a broken server', FAILURES.server, 'crash', true],
    ['a dropped connection', FAILURES.dropped, 'crash', true],
    ['a context that is too long', FAILURES.tooLong, 'context_overflow', true],
  ] as const)(
    '%s: back to the queue',
    async (_name, failure, error_class, spent) => {
      yard = await openHeadless(claude());
      await enqueue('work', {}, { fails: failure });
      expect(await yard.requeued('work')).toMatchObject({ error_class, spent });
      expect(yard.world.listed(yard.shop, 'done')).toEqual([]);
    },
    90_000,
  );

  test.each([
    ['a model that is not there', {}, [{ fails: FAILURES.noModel }], 'invalid'],
    ['a refusal', {}, [{ say: 'I will not.', stop: 'refusal' }], 'logic_error'],
    ['too many turns', { max_turns: 1 }, [{ uses: [bash('true')] }, { say: 'It is done.' }], 'logic_error'],
  ] as const)(
    '%s: failed, with the reason',
    async (_name, more, [turn, ...rest], error_class) => {
      yard = await openHeadless(claude(), { agent: { allowed_tools: ['Bash'] } });
      await enqueue('work', more, ...[turn, ...(rest.length > 0 ? rest : Array.from({ length: 8 }, () => turn))]);
      expect(await yard.ended('work')).toMatchObject({ state: 'failed' });
      expect(yard.file('failed', 'work')).toContain(`error_class: ${error_class}`);
    },
    120_000,
  );

  test('a budget that is spent: failed, and what was spent is said', async () => {
    yard = await openHeadless(claude(), { agent: { allowed_tools: ['Bash'] } });
    const dear = { input: 900_000, output: 50_000 };
    await enqueue('work', { budget_usd: 0.01 }, { uses: [bash('true')], usage: dear } as Turn, { say: 'It is done.' });
    expect((await yard.ended('work')).state).toBe('failed');
    expect(yard.file('failed', 'work')).toMatch(/budget/);
    expect(yard.file('failed', 'work')).toMatch(/cost_usd: /);
  }, 120_000);

  test('trouble that passes costs an attempt, and the next one ends well', async () => {
    yard = await openHeadless(claude());
    let trouble = true;
    yard.stage.put('work', () => (trouble ? { fails: FAILURES.server } : { say: 'It is done.' }));
    await yard.enqueue('work', 'Do it. play:work.', { ...HEADLESS, max_attempts: 2 });
    await yard.requeued('work');
    trouble = false;
    expect(await yard.ended('work')).toMatchObject({ state: 'done', result: { text: 'It is done.' } });
  }, 120_000);
});

test('a subscription’s limit costs no attempt; the work goes on in the same conversation when it is over', async () => {
  yard = await openHeadless(claude(), { env: { ANTHROPIC_API_KEY: '', CLAUDE_CODE_OAUTH_TOKEN: 'dummy-1' } });
  let reset: number | undefined;
  yard.stage.put('work', () => {
    reset ??= Date.now() + 5_000; // from its first request on: nobody waits for how long a start takes
    return Date.now() < reset ? { fails: subscriptionLimit('five_hour', reset) } : { say: 'It is done.' };
  });
  await yard.enqueue('work', 'Do it. play:work.', { ...HEADLESS, max_attempts: 1 });
  expect(await yard.requeued('work')).toMatchObject({ error_class: 'rate_limit', spent: false });
  expect(await yard.ended('work')).toMatchObject({ state: 'done', result: { text: 'It is done.' } });
  expect(new Set(yard.stage.seen.map(({ conversation }) => conversation)).size).toBe(1);
}, 180_000);
