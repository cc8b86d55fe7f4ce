import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { until } from '../../support/world.ts';
import { conversationsOf } from '../conversations.ts';
import { bash } from '../model/play.ts';
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
    const log = join(yard.shop, 'log');
    const step = (name: string) => bash(`echo ${name} >> '${log}'`);
    const gate = join(yard.shop, 'open');
    const wait = bash(`echo waits >> '${log}'; until [ -e '${gate}' ]; do command sleep 0.1; done; echo through`);
    const play = yard.stage.put(
      'work',
      { uses: [step('one')] },
      { uses: [wait] },
      { uses: [step('two')] },
      { say: 'It is done.' },
    );
    await yard.enqueue('work', `This is the work. ${play}`, { ...HEADLESS, max_attempts: 3 });
    await until(() => logged(log).includes('waits'), 45_000);
    await until(() => conversationsOf(yard.world.user).some((text) => text.includes('echo waits')), 10_000);
    kill(victims, signal);
    if (victims.includes('runtime')) await yard.world.start();
    writeFileSync(gate, '');
    expect(await yard.ended('work')).toMatchObject({ state: 'done', result: { text: 'It is done.' } });
    expect(logged(log)).toEqual(['one', 'waits', 'two']);
    expect(yard.stage.reached('This is the work.')).toBe(1);
  },
  180_000,
);

function logged(log: string): string[] {
  try {
    return readFileSync(log, 'utf8').trim().split('\n');
  } catch {
    return [];
  }
}
