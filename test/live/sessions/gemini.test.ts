import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { HOOKS_BLOCK } from '../../../src/runtime/agents/gemini/hooks.ts';
import { until } from '../../support/world.ts';
import { ScriptedModel } from '../model/model.ts';
import type { Step } from '../model/script.ts';
import { program } from '../program.ts';
import type { Surroundings, Ways } from '../sealed.ts';
import { LiveYard } from '../yard.ts';

/* The real Gemini CLI works in sessions of tmux, with a scripted model behind it. */

const gemini = program('gemini');

let model: ScriptedModel;
let yard: LiveYard;
afterEach(async () => {
  await yard?.end();
  await model?.close();
}, 60_000);

async function open(steps: (shop: () => string) => readonly Step[], permission_mode = 'bypassPermissions') {
  model = await ScriptedModel.start(steps(() => yard.shop));
  yard = await LiveYard.open(gemini(), (around) => ways(around, permission_mode), [model.port]);
}

/** Somebody who has used it before, and has put our hooks into the settings. */
function ways({ network, world }: Surroundings, permission_mode: string): Ways {
  const folder = join(world.user, '.gemini');
  mkdirSync(folder, { recursive: true });
  const own = { security: { auth: { selectedType: 'gemini-api-key' } }, ...HOOKS_BLOCK };
  writeFileSync(join(folder, 'settings.json'), JSON.stringify(own));
  const env = { GEMINI_API_KEY: 'dummy', GOOGLE_GEMINI_BASE_URL: model.url, ...network.env };
  return {
    settings: {
      pool: { autonomous: { prefix: 'live-', start_index: 1, min: 1, max: 1, agent: 'gemini' } },
      agents: { gemini: { program: [gemini()], args: ['--model=gemini-2.5-flash'], permission_mode, env } },
      dispatcher: { prompt_timeout: '90s' }, // it takes its time to start
    },
  };
}

const shell = (command: string) => ({
  call: 'run_shell_command',
  with: { command, description: 'A step of the work' },
});
const say = (text: string): Step => {
  return () => ({ say: text });
};

test('a task is worked on with tools in a session, and its result comes home with all that is known of it', async () => {
  await open((shop) => [
    () => shell('pwd'),
    ({ answers }) => {
      expect(answers[0]?.text).toContain(shop());
      return { call: 'write_file', with: { file_path: join(shop(), 'server.ts'), content: 'listen(8080);\n' } };
    },
    say('The server listens on 8080 now.'),
  ]);
  await yard.enqueue('port', 'Move the server to port 8080.');
  expect(await yard.ended('port')).toMatchObject({
    state: 'done',
    result: { text: 'The server listens on 8080 now.' },
  });
  expect(readFileSync(join(yard.shop, 'server.ts'), 'utf8')).toBe('listen(8080);\n');
  const file = yard.file('done', 'port');
  for (const line of ['status: completed', 'agent: live-', 'model: gemini-', 'input_tokens: 300', 'output_tokens: 30'])
    expect(file).toContain(line);
  expect(file).toMatch(/session_id: "?[0-9a-f-]{36}/);
}, 180_000);

test('a permission that it asks for blocks the session until a person gives it at the terminal', async () => {
  await open((shop) => [() => shell(`touch '${join(shop(), 'made')}'`), say('It is made.')], 'default');
  await yard.enqueue('make', 'Make it.');
  const { name, blocked_on } = await yard.session('make', ({ state }) => state === 'blocked');
  expect(blocked_on).toBe('dialog');
  await until(async () => (await yard.screen(name)).includes('Allow once'), 30_000);
  await yard.press(name, '1');
  expect(await yard.ended('make')).toMatchObject({ state: 'done', result: { text: 'It is made.' } });
}, 180_000);

test('kill -9 of the agent under a tool: the conversation goes on, what was finished is not done again', async () => {
  await open((shop) => [
    () => shell(`echo one >> '${shop()}/log'`),
    () => shell(`echo waits >> '${shop()}/log'; until [ -e '${shop()}/open' ]; do sleep 0.1; done; echo through`),
    () => shell(`echo two >> '${shop()}/log'`),
    say('It is done.'),
  ]);
  const log = () => {
    try {
      return readFileSync(join(yard.shop, 'log'), 'utf8').trim().split('\n');
    } catch {
      return [];
    }
  };
  await yard.enqueue('work', 'This is the work.', { max_attempts: 3 });
  const { name } = await yard.session('work', ({ state }) => state === 'working');
  await until(() => log().includes('waits'), 60_000);
  process.kill(await yard.pid(name), 'SIGKILL');
  writeFileSync(join(yard.shop, 'open'), '');
  expect(await yard.ended('work')).toMatchObject({ state: 'done', result: { text: 'It is done.' }, attempts: 2 });
  expect([log().at(0), log().at(-1)]).toEqual(['one', 'two']);
  expect(log().filter((line) => line !== 'waits')).toEqual(['one', 'two']);
  const { words = '' } = model.asked.at(-1) ?? {};
  expect(words.split('This is the work.').length - 1).toBe(1); // told once
}, 240_000);
