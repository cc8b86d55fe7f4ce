import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { isRefusal } from '../../../src/runtime/model/refusal.ts';
import { interrupt } from '../../../src/runtime/sessions/typing/interrupt.ts';
import { message } from '../../../src/runtime/sessions/typing/message.ts';
import { seededChance } from '../../fakes/seeded-chance.ts';
import { until } from '../../support/world.ts';
import { ask, bash, type PlayAsked, question } from '../model/play.ts';
import { program } from '../program.ts';
import { Bench, type Lone } from './lone.ts';

/* The guard and the requests at the real agent, without a runtime: what is typed, what is answered, and what is not. */

const claude = program('claude');

let bench: Bench;
afterEach(() => bench?.end(), 60_000);

const owner = { by: 'owner' } as const;
const repeat = ({ answers }: PlayAsked) => ({ say: answers.at(-1)?.text ?? 'nothing' });
const WORDS = { say: 'word '.repeat(100), pace: 40 };

function say(agent: Lone, text: string) {
  agent.openRequests();
  return message(bench.guard, agent.paneAgent, text, owner);
}

test('a message to an idle agent, and one to an agent at work, arrive once each', async () => {
  bench = await Bench.open(claude());
  const agent = await bench.start('a', { prompt: `Begin. ${bench.around.stage.put('a', WORDS)}` });
  await agent.told('prompt');
  expect(await say(agent, 'Please be brief.')).toEqual({ verdict: 'delivered' });
  await agent.told('turn_ended', 2);
  await agent.reads('ready');
  expect(await say(agent, 'And thank you.')).toEqual({ verdict: 'delivered' });
  await agent.told('turn_ended', 3);
  expect(bench.around.stage.reached('be brief')).toBe(1);
  expect(bench.around.stage.reached('And thank you')).toBe(1);
}, 90_000);

test('a long message of many lines arrives whole', async () => {
  bench = await Bench.open(claude());
  const agent = await bench.start('a', { prompt: `Begin. ${bench.around.stage.put('a', { say: 'Ready.' })}` });
  await agent.told('turn_ended');
  await agent.reads('ready');
  const text = Array.from({ length: 60 }, (_, n) => `line ${n} of "many" $(here) \`and\` é ✓ {}`).join('\n');
  expect(await say(agent, text)).toEqual({ verdict: 'delivered' });
  await agent.told('turn_ended', 2);
  expect(bench.around.stage.reached(text)).toBe(1);
}, 90_000);

test('no message goes into a dialog of any kind, into copy mode, or onto a person’s half-written line', async () => {
  bench = await Bench.open(claude());
  const { stage } = bench.around;
  const asks = await bench.start('asks', {
    prompt: `Begin. ${stage.put('asks', { uses: [bash('touch it')] }, repeat)}`,
  });
  const wonders = await bench.start('wonders', {
    prompt: `Begin. ${stage.put('wonders', { uses: [ask(question('Left?', ['Left', 'Right']))] }, repeat)}`,
  });
  const idle = await bench.start('idle', { prompt: `Begin. ${stage.put('idle', { say: 'Ready.' })}` });
  await Promise.all([asks.told('asks'), wonders.told('asks'), idle.told('turn_ended')]);
  await Promise.all([asks.reads('dialog'), wonders.reads('dialog'), idle.reads('ready')]);
  for (const agent of [asks, wonders]) {
    const before = await agent.screen();
    expect(await say(agent, 'A word.')).toMatchObject({ refused: true });
    // Nor where nobody has heard of the request yet: the screen alone is enough.
    expect(await message(bench.guard, agent.paneAgent, 'A word.', owner)).toMatchObject({ refused: true });
    expect(await agent.screen()).toBe(before);
  }
  person('send-keys', '-t', idle.target.pane, '-l', 'half a li');
  await until(async () => (await idle.screen()).includes('half a li'));
  expect(await say(idle, 'A word.')).toMatchObject({ refused: true });
  expect(await idle.screen()).toContain('half a li');
  person('copy-mode', '-t', idle.target.pane);
  expect(await say(idle, 'A word.')).toMatchObject({ refused: true });
  expect(stage.reached('A word.')).toBe(0);
  expect(existsSync(join(bench.shop, 'it'))).toBe(false);
}, 90_000);

function person(...args: string[]): void {
  const { tmux, socket, world } = bench.around;
  execFileSync(tmux, ['-u', '-S', socket, ...args], { env: world.env });
}

test('requests are answered through their hooks: allowed, denied, and questions', async () => {
  bench = await Bench.open(claude());
  const { stage } = bench.around;
  const questions = [question('Which?', ['A', 'B']), question('What else?', ['C', 'D'], true)];
  const agent = await bench.start('a', {
    prompt: `Begin. ${stage.put('a', { uses: [bash('touch one')] }, { uses: [bash('touch two')] }, { uses: [ask(...questions)] }, repeat)}`,
  });
  const answer = async (count: number, given: Parameters<typeof bench.requests.answer>[1]) => {
    await agent.told('asks', count);
    const [id = ''] = agent.openRequests();
    expect(await bench.requests.answer(id, given, owner)).toMatchObject({ verdict: 'confirmed' });
  };
  await answer(1, { decision: 'allow' });
  await answer(2, { decision: 'deny', reason: 'not this one' });
  await answer(3, { answers: { 'Which?': 'B', 'What else?': 'C, D' } });
  await agent.told('turn_ended');
  expect(existsSync(join(bench.shop, 'one'))).toBe(true);
  expect(existsSync(join(bench.shop, 'two'))).toBe(false);
  const [ended] = agent.all('turn_ended');
  expect(ended?.heard).toMatchObject({ message: expect.stringMatching(/"Which\?"="B".*"What else\?"="C, D"/s) });
}, 90_000);

test('a helper of the agent asks: the request stays open while the agent itself goes on, and its answer counts', async () => {
  bench = await Bench.open(claude());
  const { stage } = bench.around;
  const helper = stage.put('helper', { wait: 500, uses: [bash('touch it')] }, { say: 'It is there.' });
  const agent = await bench.start('a', {
    prompt: `Begin. ${stage.put(
      'a',
      { uses: [{ name: 'Agent', input: { description: 'Help', prompt: helper, subagent_type: 'general-purpose' } }] },
      WORDS,
    )}`,
  });
  await agent.told('asks');
  await agent.told('turn_ended'); // of the agent itself, meanwhile
  await sleep(1_000);
  const [id = ''] = agent.openRequests();
  expect(await bench.requests.answer(id, { decision: 'allow' }, owner)).toMatchObject({ verdict: 'confirmed' });
  await until(() => existsSync(join(bench.shop, 'it')), 10_000);
}, 90_000);

test('Escape stops an agent at work, and its next message begins a new turn', async () => {
  bench = await Bench.open(claude());
  const agent = await bench.start('a', { prompt: `Begin. ${bench.around.stage.put('a', { ...WORDS, pace: 100 })}` });
  await until(async () => (await agent.screen()).includes('word word'), 30_000);
  const ports = { guard: bench.guard, tmux: bench.tmux, clock: bench.clock, files: bench.files };
  expect(await interrupt(ports, agent.paneAgent, owner)).toMatchObject({ verdict: 'interrupted' });
  await agent.reads('ready');
  expect(await say(agent, 'Please go on.')).toEqual({ verdict: 'delivered' });
  await agent.told('turn_ended');
}, 90_000);

const count = Number(process.env.LIVE_MOMENTS ?? 20);
const seed = Number(process.env.LIVE_SEED ?? Math.floor(Math.random() * 1e9));

test(
  `${count} messages around the birth of a dialog (seed ${seed}): each delivered once or refused, none answers it`,
  async () => {
    bench = await Bench.open(claude());
    const chance = seededChance(seed);
    const { stage } = bench.around;
    for (let n = 0; n < count; n += 1) {
      const file = join(bench.shop, `it-${n}`);
      const wait = 1_200 + Math.floor(chance.fraction() * 400);
      const tool = n % 2 === 0 ? bash(`touch ${file}`) : ask(question('Left?', ['Left', 'Right']));
      const agent = await bench.start(`m-${n}`, {
        prompt: `Begin. ${stage.put(`m-${n}`, { wait, uses: [tool] }, repeat)}`,
      });
      await agent.told('prompt');
      await sleep(chance.fraction() * 1_800);
      const note = `note ${n} of a person.`;
      const said = await say(agent, note);
      await agent.told('asks');
      await sleep(300);
      expect(existsSync(file), `seed ${seed}, number ${n}`).toBe(false);
      expect(agent.all('tool_ended'), `seed ${seed}, number ${n}`).toEqual([]);
      const [id = ''] = agent.openRequests();
      const given = n % 2 === 0 ? ({ decision: 'deny', reason: 'no' } as const) : { answers: { 'Left?': 'Right' } };
      expect(await bench.requests.answer(id, given, owner), `seed ${seed}, number ${n}`).toMatchObject({
        verdict: 'confirmed',
      });
      await agent.told('turn_ended');
      const times = isRefusal(said) ? [0] : said.verdict === 'delivered' ? [1] : [0, 1];
      expect(times, `seed ${seed}, number ${n}: ${JSON.stringify(said)}`).toContain(stage.reached(note));
      await bench.tmux.kill(agent.target);
    }
  },
  60_000 + count * 12_000,
);
