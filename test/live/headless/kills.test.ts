import { afterEach, expect, test } from 'vitest';
import { CutWork } from '../cut-work.ts';
import { program } from '../program.ts';
import type { LiveYard } from '../yard.ts';
import { HEADLESS, openHeadless } from './yard.ts';

/* Agent and runtime are killed in the middle of a run without a terminal: the work goes on by itself, once. */

const claude = program('claude');

let yard: LiveYard;
afterEach(() => yard?.end(), 60_000);

type Victim = 'agent' | 'runtime';

function kill(victims: readonly Victim[], signal: NodeJS.Signals): void {
  const agent = yard.world
    .processes()
    .find(({ command }) => /claude.* -p /.test(command) && !command.includes('nsenter'));
  const pids = { agent: agent?.pid, runtime: yard.world.runtime };
  for (const victim of victims) process.kill(pids[victim] as number, signal);
}

test.each<[string, Victim[], NodeJS.Signals]>([
  ['kill -9 of the agent', ['agent'], 'SIGKILL'],
  ['kill -9 of the runtime', ['runtime'], 'SIGKILL'],
  ['kill -9 of both', ['agent', 'runtime'], 'SIGKILL'],
  ['SIGTERM to the agent', ['agent'], 'SIGTERM'],
  ['SIGINT to the agent, which then says that all is well', ['agent'], 'SIGINT'],
])(
  '%s under a tool: each step is taken once',
  async (_name, victims, signal) => {
    yard = await openHeadless(claude(), { agent: { allowed_tools: ['Bash'] } });
    const work = new CutWork(yard);
    await work.enqueue(HEADLESS);
    await work.waits();
    kill(victims, signal);
    if (victims.includes('runtime')) await yard.world.start();
    work.letThrough();
    expect(await yard.ended('work')).toMatchObject({ state: 'done', result: { text: 'It is done.' } });
    expect(work.steps()).toEqual(['one', 'waits', 'two']);
    expect(yard.stage.reached('This is the work.')).toBe(1);
  },
  180_000,
);
