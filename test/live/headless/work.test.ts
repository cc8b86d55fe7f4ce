import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { bash, inBackground, write } from '../model/play.ts';
import { program } from '../program.ts';
import type { LiveYard } from '../yard.ts';
import { HEADLESS, openHeadless } from './yard.ts';

/* The real Claude Code works without a terminal, with a scripted model behind it. */

const claude = program('claude');

let yard: LiveYard;
afterEach(() => yard?.end(), 60_000);

const trusting = { agent: { allowed_tools: ['Bash'] } };

test('a task is worked on with tools, and its result comes home with all that is known of it', async () => {
  yard = await openHeadless(claude(), trusting);
  const play = yard.stage.put(
    'port',
    { say: 'I look first.', uses: [bash('pwd')] },
    { uses: [write(join(yard.shop, 'server.ts'), 'listen(8080);\n')] },
    { say: 'The server listens on 8080 now.', usage: { input: 1_234, output: 56 } },
  );
  await yard.enqueue('port', `Move the server to port 8080. ${play}`, HEADLESS);
  expect(await yard.ended('port')).toMatchObject({
    state: 'done',
    result: { text: 'The server listens on 8080 now.' },
  });
  expect(readFileSync(join(yard.shop, 'server.ts'), 'utf8')).toBe('listen(8080);\n');
  const { conversation, model } = yard.stage.seen.findLast(({ play: of }) => of === 'port') ?? {};
  const file = yard.file('done', 'port');
  for (const line of ['status: completed', 'agent: claude', `model: ${model}`, 'output_tokens: 76', 'cost_usd: '])
    expect(file).toContain(line);
  expect(file).toMatch(new RegExp(`session_id: "?${conversation}"?\n`));
  expect(yard.stage.reached('Move the server')).toBe(1);
}, 120_000);

test('a task is not done while something that it started in the background runs', async () => {
  yard = await openHeadless(claude(), trusting);
  const gate = join(yard.shop, 'built');
  const play = yard.stage.put(
    'build',
    { uses: [inBackground(`command sleep 3; echo built | tee '${gate}'`)] },
    { say: 'The build is under way.' },
    { say: 'The build is done.' },
  );
  await yard.enqueue('build', `Build it. ${play}`, HEADLESS);
  const { state, result } = await yard.ended('build');
  expect(state).toBe('done');
  expect(existsSync(gate)).toBe(true);
  expect(result?.text).toBe('The build is done.');
}, 120_000);

test('work that a check refuses goes back to the same conversation with what the check said, and passes then', async () => {
  yard = await openHeadless(claude(), trusting);
  const play = yard.stage.put(
    'mend',
    { say: 'It is mended.' },
    { uses: [bash('echo ok > mended')] },
    { say: 'Now it is mended.' },
  );
  await yard.enqueue('mend', `Mend it. ${play}`, { ...HEADLESS, verify: 'grep -c ok mended' });
  expect(await yard.ended('mend')).toMatchObject({ state: 'done', result: { text: 'Now it is mended.' } });
  expect(yard.file('done', 'mend')).toMatch(/verified: passed/);
  expect(new Set(yard.stage.seen.map(({ conversation }) => conversation)).size).toBe(1);
  expect(yard.stage.reached('mended: No such file')).toBe(1); // grep's own words
}, 120_000);

test('work that is never right fails, with the words of the check', async () => {
  yard = await openHeadless(claude(), trusting);
  const play = yard.stage.put('mend', { say: 'It is mended.' }, { say: 'Really.' });
  await yard.enqueue('mend', `Mend it. ${play}`, { ...HEADLESS, verify: 'grep -c ok mended' });
  expect((await yard.ended('mend')).state).toBe('failed');
  expect(yard.file('failed', 'mend')).toMatch(/error_class: verify[\s\S]*mended: No such file[\s\S]*Really\./);
}, 120_000);

test('a result of the wanted shape is data', async () => {
  yard = await openHeadless(claude(), trusting);
  const result_schema = { type: 'object', properties: { port: { type: 'integer' } }, required: ['port'] };
  const play = yard.stage.put(
    'port',
    { uses: [{ name: 'StructuredOutput', input: { port: 'many' } }] },
    { uses: [{ name: 'StructuredOutput', input: { port: 8_080 } }] },
    { say: 'It is said.' },
  );
  await yard.enqueue('port', `Which port? ${play}`, { ...HEADLESS, result_schema });
  expect((await yard.ended('port')).state).toBe('done');
  expect(yard.file('done', 'port')).toMatch(/structured: .*8080/);
}, 120_000);

test('twenty tasks with two at once: each is done once', async () => {
  yard = await openHeadless(claude(), trusting);
  const log = join(yard.shop, 'log');
  const names = Array.from({ length: 20 }, (_, n) => `task-${n}`);
  for (const name of names) {
    const play = yard.stage.put(name, { uses: [bash(`echo ${name} >> '${log}'`)] }, { say: `${name} is done.` });
    await yard.enqueue(name, `Do ${name}. ${play}`, HEADLESS);
  }
  for (const name of names) expect((await yard.ended(name)).state).toBe('done');
  expect(readFileSync(log, 'utf8').trim().split('\n').sort()).toEqual([...names].sort());
}, 240_000);
