import { expect, test } from 'vitest';
import { BrokenBuild, type Change } from './broken.ts';
import { killAtRandom } from './random-kills.ts';
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
    [['runtime/io/processes/records.js', 'if (exit === undefined)\n', 'if (exit !== null)\n']],
  ],
];

test.each(broken)('a product that %s is found out', { timeout: 120_000 }, async (_, says, changes) => {
  const build = new BrokenBuild(changes);
  try {
    const seconds = (luck: number) => 0.5 + luck; // longer than a start
    const { wrong } = await killAtRandom({ seed: 3, kills: 6, program: build.program, endMs: 5_000, seconds });
    expect(wrong.join('\n')).toMatch(says);
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
