import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../support/world.ts';
import { shell, World } from './world.ts';

/* The commands of README's section for scripts, run as they stand there; only address and project are the test's. */

const readme = readFileSync(fileURLToPath(new URL('../../README.md', import.meta.url)), 'utf8');
const section = readme.slice(readme.indexOf('## For scripts'), readme.indexOf('## Front matter'));
const [calls = '', follow = ''] = [...section.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block]) => block);

const world = new World({
  http: { port: 0 },
  agents: { echo: { command: shell('cat "$1"'), max: 2 } },
});
const needed = ['curl', 'jq'].filter((name) => spawnSync(name, ['--version']).error !== undefined);
const skip = needed.length > 0 && !process.env.CI; // a machine without them can still run all the others
const children: ChildProcess[] = [];
const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
let project: string;
let url: string;

beforeAll(async () => {
  project = world.project('shop');
  writeFileSync(join(world.bin, 'yardmaster'), `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`);
  chmodSync(join(world.bin, 'yardmaster'), 0o755);
  await world.start();
  url = await address();
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await world.end();
});

/** Where the runtime says that it listens. */
async function address(): Promise<string> {
  const logged = () => /"url":"(http:[^"]+)"/.exec(world.read(world.home, 'logs', 'runtime.log'))?.[1];
  await until(() => logged() !== undefined);
  return logged() ?? '';
}

function run(script: string): { said: () => string; ended: Promise<number | null> } {
  const here = script.replaceAll('http://127.0.0.1:7431', url).replaceAll('/home/you/code/shop', project);
  const child = spawn('bash', ['-eo', 'pipefail', '-c', here], { env: world.env });
  children.push(child);
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk;
    });
  return { said: () => said, ended: new Promise((resolve) => child.once('close', resolve)) };
}

test.skipIf(skip)('curl enqueues once, waits, reads, lists and pages', async () => {
  const { ended, said } = run(calls);
  expect([await ended, said()]).toEqual([0, expect.stringContaining('"created":true')]);
  expect(said()).toContain('Run the nightly checks.'); // the result
  expect(said()).toMatch(/"done": 2/);
  const again = run(calls.slice(0, calls.indexOf('# Wait for its end')));
  expect(await again.ended).toBe(0);
  expect(again.said()).toContain('"id":"nightly"');
  await until(() => world.listed(project, 'done').length === 3); // and no nightly-2
  expect(world.listed(project, 'done')).toEqual(['build.md', 'nightly.md', 'test.md']);
});

test.skipIf(skip)('curl follows what happens until the runtime stops, which does not wait for it', async () => {
  const { said, ended } = run(follow);
  await until(() => said().includes('event: snapshot'));
  await world.cli(['enqueue', 'Something new', '--project', project, '--id', 'new']);
  await until(() => /"type":"task_queued"[^}]*"project":"shop","task":"new"/.test(said()));
  expect((await world.cli(['stop'])).code).toBe(0);
  expect(await ended).toBe(0);
});
