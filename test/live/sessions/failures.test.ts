import { afterEach, describe, expect, test } from 'vitest';
import { until } from '../../support/world.ts';
import { bash, FAILURES, subscriptionLimit, type Turn } from '../model/play.ts';
import { program } from '../program.ts';
import { LiveYard } from '../yard.ts';

/* What goes wrong with the real Claude Code ends in the right class and the right next step; none of it is called done. */

const claude = program('claude');

let yard: LiveYard;
afterEach(() => yard?.end(), 60_000);

const enqueue = (id: string, ...play: Turn[]) =>
  yard.enqueue(id, `Do it. ${yard.stage.put(id, ...play)}`, { max_attempts: 2 });

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
      yard = await LiveYard.open(claude());
      await enqueue('work', { fails: failure });
      expect(await yard.requeued('work')).toMatchObject({ error_class, spent });
      expect(yard.world.listed(yard.shop, 'done')).toEqual([]);
    },
    90_000,
  );

  test('trouble that passes costs an attempt, and the next one ends well', async () => {
    yard = await LiveYard.open(claude());
    let trouble = true;
    yard.stage.put('work', () => (trouble ? { fails: FAILURES.server } : { say: 'It is done.' }));
    await yard.enqueue('work', 'Do it. play:work.', { max_attempts: 2 });
    await yard.requeued('work');
    trouble = false;
    expect(await yard.ended('work')).toMatchObject({ state: 'done', result: { text: 'It is done.' } });
  }, 120_000);

  test.each([
    ['a model that is not there', { fails: FAILURES.noModel }, 'invalid'],
    ['a refusal', { say: 'I will not.', stop: 'refusal' }, 'logic_error'],
    ['an answer that is cut off', { say: 'And then', stop: 'max_tokens' }, 'logic_error'],
  ] as const)(
    '%s: failed, with the reason',
    async (_name, turn, error_class) => {
      yard = await LiveYard.open(claude());
      await enqueue('work', ...Array.from({ length: 8 }, () => turn)); // it asks again by itself
      expect(await yard.ended('work')).toMatchObject({ state: 'failed' });
      expect(yard.file('failed', 'work')).toContain(`error_class: ${error_class}`);
    },
    120_000,
  );

  test('a refusal that the model takes back when it is asked again: done', async () => {
    yard = await LiveYard.open(claude());
    await enqueue('work', { say: 'I will not.', stop: 'refusal' }, { say: 'It is done after all.' });
    expect(await yard.ended('work')).toMatchObject({ state: 'done', result: { text: 'It is done after all.' } });
  }, 120_000);
});

/** What the agent shows is cut to minutes: of such a time nothing is lost, so that nobody comes too early. */
function fullMinuteAfter(at: number): number {
  return Math.ceil(at / 60_000) * 60_000;
}

describe('a subscription’s limit', () => {
  const subscriber = { ANTHROPIC_API_KEY: '', CLAUDE_CODE_OAUTH_TOKEN: 'dummy-1' };

  test('costs no attempt; the work waits for its end and goes on in the same conversation', async () => {
    yard = await LiveYard.open(claude(), { env: subscriber });
    let reset: number | undefined;
    yard.stage.put('work', () => {
      reset ??= fullMinuteAfter(Date.now() + 5_000);
      return Date.now() < reset ? { fails: subscriptionLimit('five_hour', reset) } : { say: 'It is done.' };
    });
    await yard.enqueue('work', 'Do it. play:work.', { max_attempts: 1 });
    expect(await yard.requeued('work')).toMatchObject({ error_class: 'rate_limit', spent: false });
    const { needs } = await yard.client.ask<{ needs: { what: string }[] }>('fleet_status');
    expect(JSON.stringify(needs)).toMatch(/limit/);
    expect(await yard.ended('work')).toMatchObject({ state: 'done', result: { text: 'It is done.' } });
    const conversations = new Set(yard.stage.seen.map(({ conversation }) => conversation));
    expect(conversations.size).toBe(1);
  }, 180_000);

  test('with another account the work moves to it at once, and the first conversation goes on there', async () => {
    yard = await LiveYard.open(claude(), ({ world }) => ({
      env: subscriber,
      agent: {
        profiles: ['one', 'two'].map((name) => ({ name, config_dir: world.account(name) })),
      },
    }));
    const reset = Date.now() + 3_600_000;
    let limited = true;
    yard.stage.put('work', { say: 'I begin.', uses: [bash('echo one')] }, () => {
      if (!limited) return { say: 'It is done.' };
      limited = false;
      return { fails: subscriptionLimit('five_hour', reset) };
    });
    await yard.enqueue('work', 'Do it. play:work.', { max_attempts: 1, allowed_tools: ['Bash'] });
    expect(await yard.ended('work')).toMatchObject({ state: 'done', result: { text: 'It is done.' } });
    expect(yard.stage.reached('Do it.')).toBe(1);
  }, 180_000);
});

describe('a person', () => {
  test('presses Escape: the agent is asked to go on after a while, and the work is done', async () => {
    yard = await LiveYard.open(claude(), { settings: { interrupted: { wait: '17s', next: 'ask' } } });
    await enqueue('work', { say: 'word '.repeat(400), pace: 50 }, { say: 'It is done.' });
    const { name } = await yard.session('work', ({ state }) => state === 'working');
    await until(async () => (await yard.screen(name)).includes('word word'), 30_000);
    await yard.press(name, 'Escape');
    await yard.session('work', ({ blocked_on }) => blocked_on === 'interrupted');
    expect(await yard.ended('work')).toMatchObject({ state: 'done', result: { text: 'It is done.' } });
  }, 120_000);

  test('presses Escape and says how to go on: that is what is done', async () => {
    yard = await LiveYard.open(claude(), { settings: { interrupted: { wait: '60s', next: 'end' } } });
    await enqueue('work', { say: 'word '.repeat(400), pace: 50 }, { say: 'Done in the other way.' });
    const { name } = await yard.session('work', ({ state }) => state === 'working');
    await until(async () => (await yard.screen(name)).includes('word word'), 30_000);
    await yard.press(name, 'Escape');
    await yard.session('work', ({ blocked_on }) => blocked_on === 'interrupted');
    await yard.press(name, '-l', 'Take the other way.');
    await until(async () => (await yard.screen(name)).includes('Take the other way.'));
    await yard.press(name, 'Enter');
    expect(await yard.ended('work')).toMatchObject({ state: 'done', result: { text: 'Done in the other way.' } });
  }, 120_000);

  test('presses Escape, and the configuration says that this is the end: not done', async () => {
    yard = await LiveYard.open(claude(), { settings: { interrupted: { wait: '2s', next: 'end' } } });
    await enqueue('work', { say: 'word '.repeat(400), pace: 50 });
    const { name } = await yard.session('work', ({ state }) => state === 'working');
    await until(async () => (await yard.screen(name)).includes('word word'), 30_000);
    await yard.press(name, 'Escape');
    expect(await yard.ended('work')).toMatchObject({ state: 'failed' });
    expect(yard.file('failed', 'work')).toContain('error_class: logic_error');
  }, 120_000);

  test('refuses a tool at the terminal: not done', async () => {
    yard = await LiveYard.open(claude(), {
      agent: { permission_mode: 'default' },
      settings: { interrupted: { wait: '2s', next: 'end' } },
    });
    await enqueue('work', { uses: [bash('touch it')] });
    const { session } = await yard.request('work');
    await until(async () => (await yard.screen(session)).includes('Do you want to proceed?'));
    await yard.press(session, 'Escape');
    expect(await yard.ended('work')).toMatchObject({ state: 'failed' });
    expect(yard.file('failed', 'work')).toContain('error_class: permission');
  }, 120_000);

  test('does not answer at all: denied when the time is up, and not done', async () => {
    yard = await LiveYard.open(claude(), {
      agent: { permission_mode: 'default' },
      settings: { blocked_timeout: '4s' },
    });
    await enqueue('work', { uses: [bash('touch it')] }, { say: 'Then not.' });
    expect(await yard.ended('work')).toMatchObject({ state: 'failed' });
    expect(yard.file('failed', 'work')).toContain('error_class: permission');
  }, 120_000);
});
