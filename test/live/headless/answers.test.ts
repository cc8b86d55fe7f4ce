import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { until } from '../../support/world.ts';
import { ask, bash, type PlayAsked, question } from '../model/play.ts';
import { program } from '../program.ts';
import type { LiveYard } from '../yard.ts';
import { HEADLESS, openHeadless } from './yard.ts';

/* What the real Claude Code asks without a terminal reaches whoever can answer, and it hears more than its prompt. */

const claude = program('claude');

let yard: LiveYard;
afterEach(() => yard?.end(), 60_000);

const asking = { agent: { permission_mode: 'default' } };
/** What the model reads last from its tools. */
const repeat = ({ answers }: PlayAsked) => ({ say: answers.at(-1)?.text ?? 'nothing' });

test('allowed from outside while the run waits: the tool runs, once', async () => {
  yard = await openHeadless(claude(), asking);
  const play = yard.stage.put('work', { uses: [bash('echo ran | tee -a it')] }, repeat);
  await yard.enqueue('work', `Do it. ${play}`, HEADLESS);
  const request = await yard.request('work');
  expect(request).toMatchObject({ kind: 'permission', tool: 'Bash', session: 'shop/work' });
  expect(await yard.answer(request, { decision: 'allow' })).toMatchObject({ answered: true, as: 'allowed' });
  expect(await yard.ended('work')).toMatchObject({ state: 'done', result: { text: 'ran' } });
  expect(yard.world.read(yard.shop, 'it')).toBe('ran\n');
}, 120_000);

test('a tool that is denied: without it the work is not believed', async () => {
  yard = await openHeadless(claude(), asking);
  await yard.enqueue('work', `Do it. ${yard.stage.put('work', { uses: [bash('touch it')] }, repeat)}`, HEADLESS);
  await yard.answer(await yard.request('work'), { decision: 'deny', reason: 'not on this branch' });
  expect((await yard.ended('work')).state).toBe('failed');
  expect(yard.file('failed', 'work')).toMatch(/error_class: permission[\s\S]*not on this branch/);
  expect(existsSync(join(yard.shop, 'it'))).toBe(false);
}, 120_000);

test('a tool that is denied, and a check that passes all the same: done', async () => {
  yard = await openHeadless(claude(), asking);
  const play = yard.stage.put('work', { uses: [bash('touch it')] }, { say: 'It was not needed.' });
  await yard.enqueue('work', `Do it. ${play}`, { ...HEADLESS, verify: 'true' });
  await yard.answer(await yard.request('work'), { decision: 'deny', reason: 'no' });
  expect(await yard.ended('work')).toMatchObject({ state: 'done', result: { text: 'It was not needed.' } });
}, 120_000);

test('its question is answered by a call: the model reads the answer', async () => {
  yard = await openHeadless(claude(), asking);
  const play = yard.stage.put('work', { uses: [ask(question('Which database?', ['Postgres', 'SQLite']))] }, repeat);
  await yard.enqueue('work', `Ask. ${play}`, HEADLESS);
  const request = await yard.request('work');
  expect(request.kind).toBe('question');
  await yard.answer(request, { answers: { 'Which database?': 'SQLite' } });
  expect((await yard.ended('work')).result?.text).toContain('"Which database?"="SQLite"');
}, 120_000);

test('a message to a run that is at work joins it, and what it does can be read', async () => {
  yard = await openHeadless(claude(), { agent: { allowed_tools: ['Bash'] } });
  const gate = join(yard.shop, 'open');
  const play = yard.stage.put(
    'work',
    { say: 'I wait.', uses: [bash(`until [ -e '${gate}' ]; do command sleep 0.1; done; echo through`)] },
    { say: 'It is done.' },
  );
  await yard.enqueue('work', `Do it. ${play}`, HEADLESS);
  const { name } = await yard.session('work', ({ state }) => state === 'working');
  const shown = () => yard.client.call('read_session', { name }).then((answer) => JSON.stringify(answer));
  await until(async () => (await shown()).includes('I wait.'), 30_000);
  expect(await yard.say(name, 'Mind the gap.')).toMatchObject({
    verdict: expect.stringMatching(/delivered|unconfirmed/),
  });
  writeFileSync(gate, '');
  expect((await yard.ended('work')).state).toBe('done');
  const notes = yard.stage.seen.at(-1)?.notes ?? [];
  expect(notes.filter((note) => note.includes('Mind the gap.'))).toHaveLength(1);
}, 120_000);
