import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { remoteKind } from '../../src/cli/doctor/home.ts';
import { World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await World.make();
  world.runtime.answer = () => ({ result: {} });
});
afterEach(() => world.end());

/** A folder with these programs, to stand for the whole PATH. */
async function pathWith(...programs: string[]): Promise<string> {
  const bin = join(world.dir, 'bin');
  await mkdir(bin, { recursive: true });
  for (const program of programs) await writeFile(join(bin, program), '#!/bin/sh\n', { mode: 0o755 });
  return bin;
}

async function findings(
  env: Record<string, string>,
): Promise<Record<string, { state: string; detail: string; hint?: string }>> {
  const { out } = await world.yardmaster(['doctor', '--json'], { env });
  const list = (JSON.parse(out) as { findings: { name: string; state: string; detail: string; hint?: string }[] })
    .findings;
  return Object.fromEntries(list.map((finding) => [finding.name, finding]));
}

test('with everything there it says so and ends well', async () => {
  const said = await world.yardmaster(['doctor'], {
    env: { PATH: await pathWith('flock', 'git', 'tmux', 'claude', 'mkfifo') },
    capture: async ([program]) => (program?.endsWith('tmux') ? 'tmux 3.3a\n' : '2.1.329 (Claude Code)\n'),
  });
  expect(said.code).toBe(0);
  expect(said.out.split('\n').filter((line) => line.startsWith('ok'))).toHaveLength(14);
  expect(said.out).toMatch(/ok {6}tmux {5}\/.*tmux, tmux 3\.3a\nok {6}claude {3}\/.*claude, 2\.1\.329/);
});

test('what is missing comes with the way to get it', async () => {
  const said = await world.yardmaster(['doctor'], { env: { PATH: await pathWith() } });
  expect(said.code).toBe(1);
  expect(said.out).toMatch(/missing lock {5}neither flock nor perl is there\n +→ .*(apt-get|brew) install/);
  expect(said.out).toMatch(/note {4}tmux .*\n +→ .*install tmux/);
  expect(said.out).toMatch(/note {4}claude .*\n +→ npm install -g/);
});

test('an agent that is started in another way is looked for under that name', async () => {
  const file = join(world.dir, 'y.yaml');
  await writeFile(file, 'agents: { claude: { program: [my-claude, --fast] } }\n');
  const bin = await pathWith('my-claude');
  const found = await findings({ PATH: bin, YARDMASTER_CONFIG: file });
  expect(found.agent).toMatchObject({ state: 'ok', detail: `claude is started as ${join(bin, 'my-claude')} --fast` });
  expect(found.claude).toBeUndefined();
  const gone = await findings({ PATH: '', YARDMASTER_CONFIG: file });
  expect(gone.agent).toMatchObject({ state: 'note', hint: 'Mend agents.claude.program.' });
});

test('the agents that the configuration names are looked for, each with its version', async () => {
  const file = join(world.dir, 'y.yaml');
  const agents = '{ codex: {}, gemini: { program: [/nowhere/gemini] }, cursor: { command: [cursor-agent, -p] } }';
  await writeFile(file, `agents: ${agents}\n`);
  const bin = await pathWith('codex');
  const said = await world.yardmaster(['doctor'], {
    env: { PATH: bin, YARDMASTER_CONFIG: file },
    capture: async () => 'codex-cli 0.169.0\n',
  });
  expect(said.out).toContain(`codex    ${join(bin, 'codex')}, codex-cli 0.169.0`);
  expect(said.out).toMatch(/note {4}gemini {3}\/nowhere\/gemini was not found: .*\n +→ Mend agents\.gemini\.program\./);
  expect(said.out).toMatch(
    /note {4}agent {4}cursor-agent was not found: tasks for cursor wait\n +→ .*agents\.cursor\.command/,
  );
});

test('an agent that a project works with is looked for, and how to get it is said', async () => {
  const file = join(world.dir, 'y.yaml');
  await writeFile(file, 'dispatcher: { default_agent: gemini }\n');
  const found = await findings({ PATH: await pathWith(), YARDMASTER_CONFIG: file });
  expect(found.gemini).toMatchObject({ state: 'note', hint: 'npm install -g @google/gemini-cli' });
  expect(found.codex).toBeUndefined();
});

test('an intake folder that is not there, or a key that is not set, is noted', async () => {
  const file = join(world.dir, 'y.yaml');
  const env = { PATH: '', YARDMASTER_CONFIG: file };
  await writeFile(file, `intake_dirs: [${world.dir}, ${join(world.dir, 'unmounted')}]\n`);
  expect((await findings(env)).intake).toMatchObject({
    state: 'note',
    detail: expect.stringMatching(/unmounted, which is not there/),
  });
  await writeFile(file, `intake_dirs: [${world.dir}]\nintake_key_env: DISPATCH_KEY\n`);
  expect((await findings(env)).intake).toMatchObject({
    state: 'note',
    detail: expect.stringMatching(/DISPATCH_KEY.* is not set/),
  });
  expect((await findings({ ...env, DISPATCH_KEY: 'x' })).intake).toMatchObject({
    state: 'ok',
    detail: expect.stringMatching(/2 folders, signed/),
  });
});

test('a file that is no program does not count', async () => {
  const bin = await pathWith('flock', 'perl');
  await chmod(join(bin, 'flock'), 0o644);
  await mkdir(join(bin, 'tmux'));
  const found = await findings({ PATH: bin });
  expect(found.lock?.detail).toBe(join(bin, 'perl'));
  expect(found.tmux?.state).toBe('note');
});

test('a home that others can write is named with the command that closes it', async () => {
  await chmod(world.dir, 0o755);
  const found = await findings({ PATH: '' });
  expect(found.home).toMatchObject({ state: 'missing', hint: `chmod 700 '${world.dir}'` });
  await chmod(world.dir, 0o700);
  expect((await findings({ PATH: '' })).home?.state).toBe('ok');
});

test('a configuration that is wrong is shown with its place', async () => {
  const file = join(world.dir, 'y.yaml');
  await writeFile(file, 'log: { level: loud }\n');
  const found = await findings({ PATH: '', YARDMASTER_CONFIG: file });
  expect(found.config).toMatchObject({ state: 'missing', detail: expect.stringContaining(`${file}:1:8  log.level`) });
});

test('a runtime that does not run is only a note', async () => {
  await world.runtime.close();
  world.running = false;
  expect((await findings({ PATH: '' })).runtime).toMatchObject({ state: 'note', detail: 'does not run' });
});

test('HTTP that could not be opened is a note with what to do; the rest works', async () => {
  const http = { state: 'off', reason: '127.0.0.1:7431 is taken', hint: 'Set another http.port.' };
  world.runtime.answer = ({ method }) => ({ result: method === 'yardmaster/status' ? { http } : {} });
  expect((await findings({ PATH: '' })).http).toEqual({
    name: 'http',
    state: 'note',
    detail: http.reason,
    hint: http.hint,
  });
  world.runtime.answer = ({ method }) => ({
    result: method === 'yardmaster/status' ? { http: { state: 'on', url: 'http://127.0.0.1:7431' } } : {},
  });
  expect((await findings({ PATH: '' })).http).toMatchObject({ state: 'ok' });
});

test('file systems over a network are known by their number', () => {
  expect([remoteKind(0x6969), remoteKind(-11317950), remoteKind(0xef53)]).toEqual(['NFS', 'CIFS', undefined]);
});

test('a tmux that is too old limits what can be done', async () => {
  const said = await world.yardmaster(['doctor'], {
    env: { PATH: await pathWith('tmux') },
    capture: async () => 'tmux 2.9a\n',
  });
  expect(said.out).toMatch(/note {4}tmux {5}tmux 2\.9a at .* is too old.*\n +→ Install tmux 3\.2/);
});

test('with a pool, folders that Claude Code does not trust yet are named, and what is read stays as it is', async () => {
  const shop = join(world.dir, 'shop');
  const blog = join(world.dir, 'blog');
  for (const folder of [shop, blog]) await mkdir(folder);
  const file = join(world.dir, 'y.yaml');
  const dedicated = [{ name: 'blog-main', project: '~/blog' }];
  const pool = { dedicated, autonomous: { max: 2 } };
  const projects = [{ name: 'shop', path: shop }];
  await writeFile(file, JSON.stringify({ projects, pool, dispatcher: { resume_dir: '~/nowhere' } }));
  const env = { PATH: '', YARDMASTER_CONFIG: file };
  expect((await findings(env)).trust).toMatchObject({ state: 'note', hint: expect.stringContaining('log in') });

  const text = JSON.stringify({ projects: { [shop]: { hasTrustDialogAccepted: true } } });
  await writeFile(join(world.dir, '.claude.json'), text);
  const found = await findings(env);
  expect(found.trust).toMatchObject({ state: 'note', detail: expect.stringMatching(/: \S*\/blog$/) });
  expect(found.resume).toMatchObject({ state: 'note', detail: expect.stringContaining('nowhere') });
  expect(await readFile(join(world.dir, '.claude.json'), 'utf8')).toBe(text);

  await writeFile(join(world.dir, '.claude.json'), 'rubbish');
  expect((await findings(env)).trust).toMatchObject({ detail: expect.stringContaining("can't be understood") });
});
