import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { until } from '../../support/world.ts';
import { modelAt } from '../agents/codex.ts';
import { ScriptedModel } from '../model/model.ts';
import type { Reply, Step } from '../model/script.ts';
import { program } from '../program.ts';
import { type Surroundings, settingsOf } from '../sealed.ts';
import { LiveYard } from '../yard.ts';

/* The real Codex works in sessions of tmux, with a scripted model behind it. */

const codex = program('codex');

let yard: LiveYard;
let model: ScriptedModel;
afterEach(async () => {
  await yard?.end();
  await model?.close();
}, 60_000);

async function open(steps: readonly Step[], agent: Readonly<Record<string, unknown>>): Promise<LiveYard> {
  model = await ScriptedModel.start(steps);
  return LiveYard.open(codex(), (around) => ({ settings: sessionsOf(around, agent) }), [model.port]);
}

/** A person who has used Codex before, and was never asked about the shop. */
function sessionsOf(around: Surroundings, agent: Readonly<Record<string, unknown>>) {
  const { network, world } = around;
  mkdirSync(join(world.user, '.codex'), { recursive: true });
  writeFileSync(join(world.user, '.codex', 'config.toml'), modelAt(model.url));
  mkdirSync(join(world.user, 'shop', '.git'), { recursive: true });
  const env = { SCRIPTED_KEY: 'dummy', ...network.env };
  const { pool } = settingsOf(codex(), around);
  return {
    pool: { autonomous: { ...(pool as { autonomous: object }).autonomous, agent: 'codex' } },
    agents: { codex: { program: [codex()], env, ...agent } },
    lifecycle: { interval: '2s' },
  };
}

const command = (cmd: string, more: object = {}): Reply => ({
  call: 'exec_command',
  with: { cmd, yield_time_ms: 30_000, ...more },
});
const unsandboxed = { sandbox_permissions: 'require_escalated', justification: 'May I write it?' };
/** What it keeps of its own, by their ids. */
const conversations = () =>
  readdirSync(join(yard.world.user, '.codex', 'sessions'), { recursive: true, encoding: 'utf8' }).flatMap(
    (name) => /([0-9a-f-]{36})\.jsonl$/.exec(name)?.[1] ?? [],
  );
const seen = () => model.asked.map(({ words }) => words);

test('a task is worked on, what it may not do alone is asked and allowed, and its result comes home', async () => {
  yard = await open(
    [
      () => command('pwd && echo 8080 > port', unsandboxed),
      ({ answers }) => {
        expect(answers[0]?.text).toContain(yard.shop);
        return { say: 'The server listens on 8080 now.' };
      },
    ],
    {},
  );
  const strange = 'it\'s "quoted", `touch trap`, $(touch trap) #{pane_id} émoji 🎉 \\n --help\n\n\t- [ ] an item';
  await yard.enqueue('port', `Move the server to port 8080. ${strange}`);
  const request = await yard.request('port');
  expect(request).toMatchObject({ kind: 'permission', tool: 'Bash' });
  expect(request.input).toContain('May I write it?');
  expect(existsSync(join(yard.shop, 'port'))).toBe(false);
  await yard.answer(request, { decision: 'allow' });
  expect(await yard.ended('port')).toMatchObject({
    state: 'done',
    result: { text: 'The server listens on 8080 now.' },
  });
  expect(readFileSync(join(yard.shop, 'port'), 'utf8')).toBe('8080\n');
  expect(existsSync(join(yard.shop, 'trap'))).toBe(false);
  expect(seen().at(-1)).toContain(strange);
  const file = yard.file('done', 'port');
  for (const line of ['status: completed', 'agent: live-', 'model: scripted', 'input_tokens: 200', 'output_tokens: 20'])
    expect(file).toContain(line);
  expect(conversations()).toEqual([/session_id: "(\S+)"/.exec(file)?.[1]]);
  const config = readFileSync(join(yard.world.user, '.codex', 'config.toml'), 'utf8');
  expect(config).not.toMatch(/hooks|projects/);
}, 120_000);

test('kill -9 in the middle of a turn: the conversation goes on by itself, and the task is told once', async () => {
  const gate = () => join(yard.shop, 'open');
  yard = await open(
    [
      () => command(`echo waits >> log; until [ -e '${gate()}' ]; do sleep 0.1; done; echo through`),
      () => ({ say: 'It is done.' }),
    ],
    { permission_mode: 'bypassPermissions' },
  );
  await yard.enqueue('work', 'This is the work.', { max_attempts: 3 });
  const { name } = await yard.session('work', ({ state }) => state === 'working');
  const log = join(yard.shop, 'log');
  await until(() => existsSync(log), 45_000);
  process.kill(await yard.pid(name), 'SIGKILL');
  expect(await yard.ended('work')).toMatchObject({ state: 'done', result: { text: 'It is done.' }, attempts: 2 });
  expect(readFileSync(log, 'utf8')).toBe('waits\n');
  expect(conversations()).toHaveLength(1);
  expect(seen().at(-1)?.split('This is the work.')).toHaveLength(2);
}, 120_000);

test('a turn that fails is known by its rollout: no hook tells of it', async () => {
  yard = await open([], { permission_mode: 'plan' });
  model.fails = { status: 404, message: 'There is no such model.' };
  await yard.enqueue('work', 'This is the work.');
  expect(await yard.ended('work')).toMatchObject({ state: 'failed', attempts: 1 });
  expect(yard.file('failed', 'work')).toMatch(/error_class: invalid.*404/s);
}, 120_000);

test('Escape is told by a hook: the work waits for the next word, and goes on with it', async () => {
  yard = await open(
    [() => command('echo waits >> log; tail -f /dev/null'), () => ({ say: 'I go on, with the blue one.' })],
    { permission_mode: 'bypassPermissions' },
  );
  await yard.enqueue('work', 'This is the work.');
  await until(() => existsSync(join(yard.shop, 'log')), 45_000);
  const { name } = await yard.session('work', ({ state }) => state === 'working');
  await yard.press(name, 'Escape');
  await yard.session('work', ({ state, blocked_on }) => state === 'blocked' && blocked_on === 'interrupted');
  await yard.press(name, 'Take the blue one.');
  await until(async () => (await yard.screen(name)).includes('› Take the blue one.'));
  await yard.press(name, 'Enter');
  expect(await yard.ended('work')).toMatchObject({
    state: 'done',
    result: { text: 'I go on, with the blue one.' },
    attempts: 1,
  });
}, 120_000);
