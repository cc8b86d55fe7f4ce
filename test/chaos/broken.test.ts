import { expect, test } from 'vitest';
import { until } from '../support/world.ts';
import { BrokenBuild, type Change } from './broken.ts';
import { check } from './checker.ts';
import { ended, sceneOf } from './random-kills.ts';
import { Site } from './site.ts';
import { enqueue } from './step-list.ts';
import { killAtEachCall } from './steps.ts';
import { isStraceThere } from './strace.ts';

/* A checker that never complains shows nothing. Here the product is broken, and it has to say so. */

const broken: readonly [string, RegExp, readonly Change[]][] = [
  [
    'acknowledges before the journal has it',
    /was acknowledged and is lost/,
    [
      ['runtime/store/commit.js', 'await settled;\n        return reply', 'return reply'],
      [
        'runtime/store/journal/journal.js',
        '??= Promise.resolve().then(() => this.commitAll())',
        '??= new Promise((resolve) => setTimeout(resolve, 200)).then(() => this.commitAll())',
      ],
    ],
  ],
  [
    'gives up an attempt without proof of its death',
    /ran at the same time|was started again/,
    [['runtime/io/processes/recover.js', "? { kind: 'running' }", "? lost('it is not mine')"]],
  ],
  [
    'does not believe an exit record',
    /was started again after it had ended/,
    [['runtime/io/processes/records.js', 'return exit && {', 'return undefined && {']],
  ],
];

test.each(broken)('a product that %s is found out', { timeout: 120_000 }, async (_, says, changes) => {
  const build = new BrokenBuild(changes);
  try {
    expect((await killAtWork(build.program)).join('\n')).toMatch(says);
  } finally {
    build.remove();
  }
});

test.runIf(isStraceThere())('a product that does not sync its journal is found out', { timeout: 120_000 }, async () => {
  const build = new BrokenBuild([['runtime/io/append-file.js', 'handle.datasync()', 'Promise.resolve()']]);
  try {
    const { made } = await killAtEachCall(
      { ...enqueue, options: { program: build.program } },
      { calls: ['fdatasync'] },
    );
    expect(made.fdatasync).toBe(0);
  } finally {
    build.remove();
  }
});

test('the product as it is passes the same story', { timeout: 120_000 }, async () => {
  expect(await killAtWork()).toEqual([]);
});

/** One kill -9 while two agents work and right after an answer; then what the checker finds. */
async function killAtWork(program?: string): Promise<string[]> {
  const site = new Site(program === undefined ? {} : { program });
  try {
    const talk = await site.talk();
    const enqueue = async (id: string, body: string) => {
      await talk.ask('enqueue_task', { project: 'alpha', id, title: id, body });
      site.ledger.note({ did: 'enqueue', project: 'alpha', id, title: id });
    };
    const starts = () => site.ledger.agents().filter(({ what }) => what === 'start').length;
    const soon = (holds: () => boolean) => until(holds, 2_000).catch(() => undefined);
    for (const id of ['one', 'two']) await enqueue(id, 'pause=0; until=1; gated;');
    await soon(() => starts() === 2);
    await enqueue('three', 'pause=0; until=1;');
    await site.kill();
    await talk.ask('fleet_status');
    await soon(() => starts() > 3); // nothing but the third has to start
    for (const id of ['one', 'two']) site.ledger.openGate(id);
    await ended(talk, 8_000);
    return await check({ ...sceneOf(site), maxAttempts: 3 }, talk);
  } finally {
    await site.end();
  }
}
