import { afterEach, expect, test } from 'vitest';
import { until } from '../../support/world.ts';
import { CutWork } from '../cut-work.ts';
import { program } from '../program.ts';
import { LiveYard } from '../yard.ts';

/* Agent, tmux server and runtime are killed in the middle of a turn: the work goes on by itself, once. */

const claude = program('claude');

let yard: LiveYard;
afterEach(() => yard?.end(), 60_000);

type Victim = 'agent' | 'tmux' | 'runtime';

async function kill(victims: readonly Victim[], session: string): Promise<void> {
  const pids = {
    agent: await yard.pid(session),
    tmux: await yard.serverPid(),
    runtime: yard.world.runtime,
  };
  for (const victim of victims) process.kill(pids[victim] as number, 'SIGKILL');
}

test.each<[string, Victim[]]>([
  ['the agent', ['agent']],
  ['the tmux server', ['tmux']],
  ['the runtime', ['runtime']],
  ['all three at once', ['runtime', 'tmux', 'agent']],
  ['the agent and the runtime', ['agent', 'runtime']],
])(
  'kill -9 of %s under a tool: each step is taken once, and nothing is left over',
  async (_name, victims) => {
    yard = await LiveYard.open(claude(), { agent: { allowed_tools: ['Bash'] } });
    const work = new CutWork(yard);
    await work.enqueue();
    const { name } = await yard.session('work', ({ state }) => state === 'working');
    await work.waits();
    await kill(victims, name);
    if (victims.includes('runtime')) await yard.world.start();
    work.letThrough();
    expect(await yard.ended('work')).toMatchObject({ state: 'done', result: { text: 'It is done.' } });
    expect(work.steps()).toEqual(['one', 'waits', 'two']);
    expect(yard.stage.reached('This is the work.')).toBe(1);
  },
  180_000,
);

test('kill -9 of the agent in the middle of its words: it says them again, in the same conversation', async () => {
  yard = await LiveYard.open(claude());
  let times = 0;
  yard.stage.put('work', () => {
    times += 1;
    return times === 1 ? { say: 'word '.repeat(600), pace: 50 } : { say: 'It is done.' };
  });
  await yard.enqueue('work', 'This is the work. play:work.', { max_attempts: 3 });
  const { name } = await yard.session('work', ({ state }) => state === 'working');
  await until(async () => (await yard.screen(name)).includes('word word'), 45_000);
  await kill(['agent'], name);
  expect(await yard.ended('work')).toMatchObject({ state: 'done', result: { text: 'It is done.' } });
  expect(new Set(yard.stage.seen.map(({ conversation }) => conversation)).size).toBe(1);
  expect(yard.stage.reached('This is the work.')).toBe(1);
}, 180_000);
