import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { shell, World } from './world.ts';

const world = new World({
  agents: {
    echo: { command: shell('cat "$1"; echo to-stderr >&2'), max: 2 },
    bad: { command: shell('echo oops >&2; exit 3'), capabilities: ['bad'] },
  },
  retry: { backoff: '50ms', backoff_max: '100ms' },
  dispatcher: { default_agent: 'echo' },
});
let shop = '';

beforeAll(() => {
  shop = world.project('shop');
  mkdirSync(join(shop, '.git'));
  writeFileSync(join(shop, '.git', 'HEAD'), 'ref: refs/heads/main\n');
});
afterAll(() => world.end());

/** Exit code and output of a command, as a person sees them. */
const run = async (args: string[], input?: string) => world.cli(args, input === undefined ? {} : { input });

test('work is handed over as arguments, files and stdin, waited for and read', async () => {
  expect((await run(['enqueue', 'Mend the gate', '--project', shop])).stdout).toContain('shop/mend-the-gate');
  expect((await run(['enqueue', '-', '--title', 'Piped', '--project', 'shop'], 'from a pipe')).code).toBe(0);
  const file = join(world.root, 'Oil the hinge.md');
  writeFileSync(file, '---\npriority: high\n---\nfrom a file');
  expect((await run(['enqueue', '--file', file, '--project', 'shop'])).code).toBe(0);
  expect(await run(['wait', 'mend-the-gate', 'piped', '--timeout', '20s'])).toMatchObject({ code: 0 });
  expect((await run(['show', 'shop/piped'])).stdout).toContain('from a pipe');
  expect((await run(['logs', 'piped', '--stream', 'stderr'])).stdout).toBe('to-stderr\n');
  expect((await run(['list', '--state', 'done', '--since', '1h'])).stdout).toMatch(/done +mend-the-gate/);
});

test('what fails is said in words, with the next step, and by the exit code', async () => {
  await run(['enqueue', 'Break it', '--requires', 'bad', '--project', 'shop']);
  expect(await run(['wait', 'break-it', '--timeout', '20s'])).toMatchObject({ code: 1 });
  const status = (await run(['status'])).stdout;
  expect(status).toMatch(/1 needs? you/);
  expect(status).toContain('task break-it failed (tool_failure): the agent ended with exit code 3');
  expect((await run(['show', 'break-it'])).stdout).toContain('oops');
});

test('a refusal is a sentence, never JSON, and names the command to try', async () => {
  const none = await run(['show', 'nobody']);
  expect(none).toMatchObject({ code: 1, stdout: '' });
  expect(none.stderr).toMatch(/^yardmaster: there is no task "nobody".*\n {2}`yardmaster list`/);
  const wrong = await run(['enqueue', 'x', '--priority', 'urgent', '--project', 'shop']);
  expect(wrong.code).not.toBe(0);
  expect(wrong.stderr).toMatch(/priority.*urgent.*critical/s);
  expect(wrong.stderr).not.toContain('{"');
  expect((await run(['logs', 'nobody'])).stderr).toContain('there is no task "nobody"');
  const nowhere = await run(['enqueue', 'x']);
  expect(nowhere).toMatchObject({ code: 2, stderr: expect.stringContaining('--project .') });
  expect(await run(['enqueue', 'x', '--project', '/etc'])).toMatchObject({ code: 1 });
});

test('what no agent here can keep is shown, never run without it', async () => {
  const { code, stdout } = await run(['enqueue', 'x', '--id', 'kept', '--max-turns', '5', '--project', 'shop']);
  expect(code).toBe(0);
  expect(stdout).toContain('no configured agent can take it');
  expect((await run(['status'])).stdout).toMatch(/no agent can ever take task kept:.*max_turns/);
});

test('stop says when nothing runs, and the next command starts a runtime again', async () => {
  expect((await run(['stop'])).code).toBe(0);
  expect(world.runtime).toBeUndefined();
  expect((await run(['stop'])).stdout).toContain('no runtime runs');
  expect((await run(['list'])).stdout).toContain('mend-the-gate');
});
