import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../support/world.ts';
import { World } from './world.ts';

const world = new World({ agents: { scribe: { command: ['cat'], max: 1 } } });
const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const program = join(world.bin, 'yardmaster');
let filled: Promise<void> | undefined;

function ready(): Promise<void> {
  filled ??= fill();
  return filled;
}

/** A runtime with three tasks that wait. */
async function fill(): Promise<void> {
  const client = await world.connect();
  const shop = world.project('shop');
  for (const id of ['fix-login', 'fix it all', 'other'])
    await client.enqueue(shop, 'Wait.', { id, not_before: '2030-01-01T00:00:00Z' });
}

/** What each shell offers for the last of these words. */
const SHELLS: Readonly<Record<string, (words: readonly string[]) => string[]>> = {
  bash: (words) => {
    const script = `source ${scriptOf('bash')}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _yardmaster; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return run('bash', ['--norc', '-uc', script, 'bash', ...words]);
  },
  zsh: (words) => {
    const script = `compdef() {}; source ${scriptOf('zsh')}; compadd() { print -rl -- $values }
      words=("$@"); CURRENT=$#; _yardmaster`;
    return run('zsh', ['-f', '-c', script, 'zsh', ...words]);
  },
  fish: (words) => {
    const line = words.map((word) => word.replaceAll(' ', '\\ ')).join(' ');
    const said = run('fish', ['--no-config', '-c', `source ${scriptOf('fish')}; complete -C ${JSON.stringify(line)}`]);
    return said.map((one) => one.split('\t')[0] ?? '');
  },
};

const scriptOf = (shell: string): string => join(world.root, `completion.${shell}`);

function run(shell: string, args: readonly string[]): string[] {
  return execFileSync(shell, args, { env: world.env, cwd: world.user, encoding: 'utf8' }).split('\n').filter(Boolean);
}

function isThere(shell: string): boolean {
  const there = spawnSync(shell, ['--version']).status === 0;
  if (!there) console.warn(`${shell} is not installed: its completion is not tested here`);
  return there;
}

beforeAll(async () => {
  writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`);
  chmodSync(program, 0o755);
  for (const shell of Object.keys(SHELLS)) {
    const { stdout, code } = await world.cli(['completion', shell]);
    expect(code).toBe(0);
    writeFileSync(scriptOf(shell), stdout);
  }
});
afterAll(() => world.end());

test('with no runtime nothing is said, quickly, and none is started', async () => {
  const begun = performance.now();
  const { stdout, stderr, code } = await world.cli(['__complete', 'tasks', '']);
  expect({ stdout, stderr, code }).toEqual({ stdout: '', stderr: '', code: 0 });
  expect(performance.now() - begun).toBeLessThan(2_000); // a loaded machine; alone it is under 0.1 s
  expect(existsSync(world.home)).toBe(false);
  expect(SHELLS.bash?.(['yardmaster', 'show', ''])).toEqual([]);
  expect(existsSync(world.home)).toBe(false);
});

describe.each(Object.keys(SHELLS))('%s', (shell) => {
  const offered = (...words: string[]): string[] => SHELLS[shell]?.(['yardmaster', ...words]) ?? [];

  test.skipIf(!isThere(shell))('offers commands, options and the values that tools allow', () => {
    expect(offered('')).toEqual(expect.arrayContaining(['enqueue', 'list', 'completion', 'export']));
    expect(offered('')).not.toContain('__complete');
    expect(offered('li')).toEqual(['list']);
    expect(offered('config', '').sort()).toEqual(['check', 'explain', 'path', 'reload', 'schema', 'show']);
    expect(offered('list', '--st')).toEqual(['--state']);
    expect(offered('list', '--state', 'q')).toEqual(['queued']);
    expect(offered('list', '--state', 'queued,r')).toEqual(['queued,running']);
    expect(offered('enqueue', '--priority', '').sort()).toEqual(['critical', 'default', 'high', 'low', 'medium']);
    expect(offered('enqueue', 'text', '--mode', 'h')).toEqual(['headless']);
    expect(offered('show', 'x', '--detail', 'at')).toEqual(['attempts']);
    expect(offered('profiles', 'pa')).toEqual(['pause']);
    expect(offered('sessions', '--a')).toEqual(['--all']);
    expect(offered('config', 'explain', 'retry.max')).toEqual(['retry.max_attempts']);
  });

  test.skipIf(!isThere(shell))('offers living tasks, projects and agents', { timeout: 120_000 }, async () => {
    await ready();
    const offers = async (words: string[], expected: string[]): Promise<void> => {
      // As the shell writes it on the line. On a busy machine an answer may be too late: a hand tries again.
      const seen = (): string[] => offered(...words).map((one) => one.replaceAll('\\', ''));
      await until(() => isDeepStrictEqual(seen().sort(), expected));
    };
    await offers(['show', 'fix-'], ['fix-login']);
    await offers(['cancel', ''], ['fix it all', 'fix-login', 'other']);
    await offers(['wait', 'other', 'fix-'], ['fix-login']);
    await offers(['show', 'shop/o'], ['shop/other']);
    await offers(['list', '--project', 's'], ['shop']);
    await offers(['enqueue', '--agent', ''], ['scribe']);
    await offers(['show', 'fix i'], ['fix it all']);
  });
});

test.skipIf(!isThere('zsh'))('zsh finds it as it finds others', () => {
  const script = `autoload -Uz compinit; compinit -u -D; source ${scriptOf('zsh')}; print $_comps[yardmaster]`;
  expect(run('zsh', ['-f', '-c', script])).toEqual(['_yardmaster']);
});

test('an agent of ours is offered nothing, and a strange token is no owner', async () => {
  const { stdout, code } = await world.cli(['__complete', 'tasks', ''], { env: { YARDMASTER_ATTEMPT_TOKEN: 'x' } });
  expect({ stdout, code }).toEqual({ stdout: '', code: 0 });
});

test('what is asked of a runtime is answered in well under the time that a hand waits', async () => {
  await ready();
  const times: number[] = [];
  for (let n = 0; n < 9; n++) {
    const begun = performance.now();
    await world.cli(['__complete', 'tasks', '']);
    times.push(performance.now() - begun);
  }
  const bare: number[] = [];
  for (let n = 0; n < 9; n++) {
    const begun = performance.now();
    execFileSync(process.execPath, ['-e', '']);
    bare.push(performance.now() - begun);
  }
  const median = (all: number[]): number => all.sort((a, b) => a - b)[4] ?? 0;
  expect(median(times)).toBeLessThan(5 * median(bare)); // loosely: under 0.1 s where nothing else runs
  const source = readFileSync(new URL('../../src/complete.ts', import.meta.url), 'utf8');
  const loaded = [...source.matchAll(/^import (?!type).* from '(.*)'/gm)].map(([, of]) => of);
  expect(loaded).toEqual(['./bridge/reach.ts']); // what every bridge loads, and no more
});
