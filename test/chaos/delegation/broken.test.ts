import { expect, test } from 'vitest';
import { BrokenBuild, type Change } from '../broken.ts';
import { isStraceThere } from '../strace.ts';
import { Away, type ProviderName } from './away.ts';
import { bringTo } from './held.ts';
import { LONG, someOf } from './seed.ts';
import { dieAt } from './walk.ts';

/* Delegation that is broken on purpose: the checker has to say so. */

interface Story {
  readonly provider: ProviderName;
  readonly kill: boolean;
}

const broken: readonly [string, RegExp, Story, readonly Change[]][] = [
  [
    'asks before it has written down that it will',
    /was sent and no start is journalled[\s\S]*was sent again/,
    { provider: 'plain', kill: true },
    [
      [
        'runtime/delegations/submit.js',
        'await mark(watch, desk, null); // 1',
        'const early = await provider.submit(order, desk.submits); await mark(watch, desk, null);',
      ],
      [
        'runtime/delegations/submit.js',
        'const submitted = await provider.submit(order, desk.submits)',
        'const submitted = early',
      ],
    ],
  ],
  [
    'asks again under another key',
    /the key of no attempt[\s\S]*made the jobs/,
    { provider: 'keyed', kill: true },
    [
      [
        'runtime/delegations/submit.js',
        'provider.submit(orderOf(watch, desk, task, composed.prompt)',
        "provider.submit({ ...orderOf(watch, desk, task, composed.prompt), key: watch.key + '-again' }",
      ],
    ],
  ],
  [
    'sends again what is in doubt',
    /was sent again/,
    { provider: 'plain', kill: true },
    [['runtime/delegations/confirm.js', 'provider.idempotent && trusted', 'trusted']],
  ],
  [
    'takes silence for a refusal',
    /made the jobs/,
    { provider: 'plain', kill: false },
    [['runtime/io/providers/classify.js', "end.sent ? 'unconfirmed' : 'later'", "'later'"]],
  ],
];

test.each(someOf(broken))('a product that %s is found out', { timeout: 120_000 }, async (_, says, story, changes) => {
  const build = new BrokenBuild(changes);
  try {
    expect((await holdAnswer(story, build.program)).join('\n')).toMatch(says);
  } finally {
    build.remove();
  }
});

test.runIf(LONG > 0 && isStraceThere())(
  'a product that removes the marker before the end is journalled is found out',
  { timeout: 120_000 },
  async () => {
    const build = new BrokenBuild([['runtime/delegations/conclude.js', "if (end.kind !== 'finished')", 'if (true)']]);
    const away = await Away.open({ program: build.program });
    try {
      const wrong: string[] = [];
      // The end is the last record of a task: at first one write before it, then the end's own.
      for (let nth = 5; wrong.length === 0 && nth < 8; nth++)
        wrong.push(...(await dieAt(away, 'keyed', `at-${nth}`, { call: 'write', nth })).wrong);
      expect(wrong.join('\n')).toMatch(/is under way \(job_accepted\) and has no marker/);
    } finally {
      await away.close();
      build.remove();
    }
  },
);

/** A job is made and its answer is held back until the runtime is dead, or has waited long enough. */
async function holdAnswer({ provider, kill }: Story, program: string): Promise<string[]> {
  const away = await Away.open({ program, provider: { timeout: kill ? '60s' : '500ms' } });
  try {
    const fault = { kind: 'stall', accepting: true } as const;
    const wrong = await bringTo(away, { name: 'taken', endpoint: 'submit', fault }, [provider]);
    if (kill) await away.kill();
    return [...wrong, ...(await away.wrong(15_000))];
  } finally {
    await away.close();
  }
}
