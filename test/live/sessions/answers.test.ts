import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { until } from '../../support/world.ts';
import { ask, bash, inBackground, type PlayAsked, question } from '../model/play.ts';
import { program } from '../program.ts';
import { LiveYard } from '../yard.ts';

/* What the real Claude Code asks is answered through its hook, whoever looks on; and never by the one who asks. */

const claude = program('claude');

let yard: LiveYard;
afterEach(() => yard?.end(), 60_000);

const open = (agent: Readonly<Record<string, unknown>> = {}) =>
  LiveYard.open(claude(), { agent: { permission_mode: 'default', ...agent } });

/** What the model reads last from its tools. */
const repeat = ({ answers }: PlayAsked) => ({ say: answers.at(-1)?.text ?? 'nothing' });

test('allowed by a call, while a person looks on: the tool runs, once', async () => {
  yard = await open();
  await yard.enqueue('work', `Do it. ${yard.stage.put('work', { uses: [bash('echo ran | tee -a it')] }, repeat)}`);
  const request = await yard.request('work');
  expect(request).toMatchObject({ kind: 'permission', tool: 'Bash' });
  expect(request.input).toContain('tee -a it');
  await yard.attach(request.session);
  expect(await yard.answer(request, { decision: 'allow' })).toMatchObject({ answered: true, as: 'allowed' });
  expect(await yard.ended('work')).toMatchObject({ state: 'done', result: { text: 'ran' } });
  expect(yard.world.read(yard.shop, 'it')).toBe('ran\n');
}, 120_000);

test('denied by a call: the tool does not run, and the agent reads why', async () => {
  yard = await open();
  await yard.enqueue('work', `Do it. ${yard.stage.put('work', { uses: [bash('touch it')] }, repeat)}`);
  const request = await yard.request('work');
  await yard.attach(request.session);
  await yard.answer(request, { decision: 'deny', reason: 'not on this branch' });
  const { result } = await yard.ended('work');
  expect(result?.text ?? yard.file('failed', 'work')).toContain('not on this branch');
  expect(existsSync(join(yard.shop, 'it'))).toBe(false);
}, 120_000);

test('its questions are answered by a call: the model reads the answers', async () => {
  yard = await open();
  const questions = [
    question('Which database?', ['Postgres', 'SQLite']),
    question('Which checks?', ['Types', 'Lint', 'Tests'], true),
  ];
  await yard.enqueue('work', `Ask. ${yard.stage.put('work', { uses: [ask(...questions)] }, repeat)}`);
  const request = await yard.request('work');
  expect(request.kind).toBe('question');
  await yard.attach(request.session);
  await yard.answer(request, { answers: { 'Which database?': 'SQLite', 'Which checks?': 'Types, Tests' } });
  const { result } = await yard.ended('work');
  expect(result?.text).toMatch(/"Which database\?"="SQLite".*"Which checks\?"="Types, Tests"/s);
}, 120_000);

test('a person at the terminal is first: obeyed, and the later answer is refused', async () => {
  yard = await open();
  await yard.enqueue('work', `Do it. ${yard.stage.put('work', { uses: [bash('echo ran | tee it')] }, repeat)}`);
  const request = await yard.request('work');
  await yard.attach(request.session);
  await until(async () => (await yard.screen(request.session)).includes('Do you want to proceed?'));
  await yard.press(request.session, '1');
  expect(await yard.ended('work')).toMatchObject({ state: 'done', result: { text: 'ran' } });
  const late = { request_id: request.request_id, decision: 'deny' };
  expect(await yard.client.refused('answer_request', late)).toContain(request.request_id);
}, 120_000);

const main = fileURLToPath(new URL('../../../dist/main.js', import.meta.url));

test('the worker tries to answer its own request, and can’t', async () => {
  yard = await open({ allowed_tools: ['Bash(sh try.sh)'] });
  const { world, shop, stage } = yard;
  const tried = join(shop, 'tried');
  const { PATH = '', YARDMASTER_HOME = '', YARDMASTER_CONFIG = '' } = world.env;
  const cli = `PATH='${PATH}' YARDMASTER_HOME='${YARDMASTER_HOME}' YARDMASTER_CONFIG='${YARDMASTER_CONFIG}' '${process.execPath}' '${main}'`;
  const script = [
    `until [ -e '${shop}/request' ]; do command sleep 0.1; done`,
    `${cli} answer "$(cat '${shop}/request')" allow > '${tried}.out' 2>&1`,
    `echo $? > '${tried}.new' && mv '${tried}.new' '${tried}'`,
  ];
  writeFileSync(join(shop, 'try.sh'), `${script.join('\n')}\n`);
  const play = stage.put('work', { uses: [inBackground('sh try.sh')] }, { uses: [bash('touch it')] }, repeat);
  await yard.enqueue('work', `Do it. ${play}`);
  const request = await yard.request('work');
  writeFileSync(join(shop, 'request'), request.request_id);
  await until(() => existsSync(tried), 30_000);
  expect(Number(world.read(tried))).not.toBe(0);
  expect(world.read(`${tried}.out`)).toMatch(/inside a task|only a person/i);
  expect(existsSync(join(shop, 'it'))).toBe(false);
  expect((await yard.request('work')).request_id).toBe(request.request_id); // still open
  await yard.answer(request, { decision: 'allow' });
  expect(await yard.ended('work')).toMatchObject({ state: 'done' });
}, 120_000);
