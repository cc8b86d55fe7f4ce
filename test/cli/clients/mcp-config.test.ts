import { existsSync, readlinkSync } from 'node:fs';
import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CLIENTS } from '../../../src/cli/clients/clients.ts';
import { World } from '../world.ts';

let world: World;
beforeEach(async () => {
  world = await World.make({ running: false });
});
afterEach(() => world.end());

const read = (...path: string[]) => readFile(join(world.dir, ...path), 'utf8');
const env = () => ({ PATH: process.env.PATH });

test('each client: the block alone on stdout, its place and its proof beside it', async () => {
  for (const client of CLIENTS) {
    const { code, out, err } = await world.yardmaster(['mcp-config', client], { env: env() });
    expect(code).toBe(0);
    if (client !== 'codex') expect(Object.keys(JSON.parse(out))).toHaveLength(1);
    expect(out).toContain('/opt/yardmaster/dist/main.js');
    expect(err).toMatch(/this goes into \/\S+ \(--write puts it there\); then: /);
  }
});

test('the program is named with whole paths, and a home that is not the usual one goes along', async () => {
  const { out } = await world.yardmaster(['mcp-config', 'claude'], { env: env() });
  const { command, env: places } = JSON.parse(out).mcpServers.yardmaster;
  expect(existsSync(command)).toBe(true);
  expect(places).toEqual({ YARDMASTER_HOME: world.dir });
});

test('a home or configuration that the desktop standard moved goes along too: clients hand on little', async () => {
  const moved = { ...env(), XDG_CONFIG_HOME: '/etc/xdg' };
  const { out } = await world.yardmaster(['mcp-config', 'codex'], { env: moved });
  expect(out).toContain('YARDMASTER_CONFIG = "/etc/xdg/yardmaster/yardmaster.yaml"');
});

test('over HTTP: the address, the token by name, and how to set it', async () => {
  const { out, err } = await world.yardmaster(['mcp-config', 'codex', '--http'], { env: env() });
  expect(out).toContain('url = "http://127.0.0.1:7431/mcp"\nbearer_token_env_var = "YARDMASTER_TOKEN"\n');
  expect(err).toContain('export YARDMASTER_TOKEN="$(yardmaster token)"');
  expect((await world.yardmaster(['mcp-config', 'vscode', '--http'], { env: env() })).err).not.toContain('export');
});

test('the address is that of the running runtime', async () => {
  await world.start();
  world.runtime.answer = () => ({ result: { http: { state: 'on', url: 'http://127.0.0.1:40123' } } });
  const { out } = await world.yardmaster(['mcp-config', 'cursor', '--http'], { env: env() });
  expect(JSON.parse(out).mcpServers.yardmaster.url).toBe('http://127.0.0.1:40123/mcp');
});

test('where the runtime does not listen on HTTP, no address is made up', async () => {
  await world.start();
  world.runtime.answer = () => ({ result: { http: { state: 'off', reason: 'port 7431 is taken.' } } });
  const said = await world.yardmaster(['mcp-config', 'cursor', '--http'], { env: env() });
  expect(said).toMatchObject({ code: 1, out: '', err: expect.stringMatching(/port 7431 is taken.*\n.*http\.port/) });
});

test('where no runtime runs, the address is the configured one', async () => {
  const file = join(world.dir, 'y.yaml');
  const ask = () =>
    world.yardmaster(['mcp-config', 'gemini', '--http'], { env: { ...env(), YARDMASTER_CONFIG: file } });
  await writeFile(file, 'http: { port: 7999 }\n');
  expect(JSON.parse((await ask()).out).mcpServers.yardmaster.httpUrl).toBe('http://127.0.0.1:7999/mcp');
  await writeFile(file, 'http: { port: 0 }\n');
  expect(await ask()).toMatchObject({ code: 1, out: '', err: expect.stringContaining('yardmaster start') });
});

test('the token goes in on request, and is made when there is none', async () => {
  const { out } = await world.yardmaster(['mcp-config', 'gemini', '--http', '--with-token'], { env: env() });
  const token = (await readFile(join(world.dir, 'token'), 'utf8')).trim();
  expect(token).toMatch(/^[0-9a-f]{64}$/);
  expect(JSON.parse(out).mcpServers.yardmaster).toEqual({
    httpUrl: 'http://127.0.0.1:7431/mcp',
    headers: { Authorization: `Bearer ${token}` },
  });
});

test('--write puts it beside what is there, keeps a link and the mode, and says so; again changes nothing', async () => {
  await mkdir(join(world.dir, 'dotfiles'));
  await mkdir(join(world.dir, '.gemini'));
  const real = join(world.dir, 'dotfiles', 'gemini.json');
  await writeFile(real, '{"ui": {"theme": "x"}}', { mode: 0o640 });
  await symlink(real, join(world.dir, '.gemini', 'settings.json'));
  const write = () => world.yardmaster(['mcp-config', 'gemini', '--write'], { env: env() });
  expect((await write()).out).toContain('settings.json is written; see: gemini mcp list');
  expect(JSON.parse(await read('dotfiles', 'gemini.json'))).toMatchObject({ ui: { theme: 'x' } });
  expect(readlinkSync(join(world.dir, '.gemini', 'settings.json'))).toBe(real);
  expect((await stat(real)).mode & 0o777).toBe(0o640);
  expect((await write()).out).toContain('has it already');
  expect(await readdir(join(world.dir, 'dotfiles'))).toEqual(['gemini.json']);
});

test('a new file is for its owner alone; one that CODEX_HOME moves is found there', async () => {
  const home = join(world.dir, 'elsewhere');
  const { code } = await world.yardmaster(['mcp-config', 'codex', '--write'], { env: { ...env(), CODEX_HOME: home } });
  expect(code).toBe(0);
  expect(await read('elsewhere', 'config.toml')).toMatch(/^\[mcp_servers\.yardmaster\]\n/);
  expect((await stat(join(home, 'config.toml'))).mode & 0o777).toBe(0o600);
});

test('another server of our name is replaced only on request', async () => {
  const file = join(world.dir, 'mine.json');
  const before = '{"mcpServers": {"yardmaster": {"command": "old"}}}';
  await writeFile(file, before);
  const write = (...more: string[]) => world.yardmaster(['mcp-config', 'claude', '--write', 'mine.json', ...more]);
  expect(await write()).toMatchObject({ code: 1, err: expect.stringContaining('--replace') });
  expect(await read('mine.json')).toBe(before);
  expect(await write('--replace')).toMatchObject({ code: 0 });
  expect(JSON.parse(await read('mine.json')).mcpServers.yardmaster.command).not.toBe('old');
});

test('a file with comments is left as it is, byte for byte', async () => {
  await mkdir(join(world.dir, '.vscode'));
  const before = '{\n  // ours\n  "servers": {}\n}\n';
  await writeFile(join(world.dir, '.vscode', 'mcp.json'), before);
  const { code, err } = await world.yardmaster(['mcp-config', 'vscode', '--write']);
  expect({ code, err }).toMatchObject({ code: 1, err: expect.stringMatching(/left as it is.*comments/) });
  expect(await read('.vscode', 'mcp.json')).toBe(before);
});

test('mcp.json at the top of the package names the program that the package installs', async () => {
  const at = (name: string) => readFile(new URL(`../../../${name}`, import.meta.url), 'utf8');
  const { command, args } = JSON.parse(await at('mcp.json')).mcpServers.yardmaster;
  expect(args).toEqual(['mcp']);
  expect(Object.keys(JSON.parse(await at('package.json')).bin)).toEqual([command]);
});

test('an address that is none is refused before anything is printed', async () => {
  const said = await world.yardmaster(['mcp-config', 'cursor', '--url', '127.0.0.1:7431']);
  expect(said).toMatchObject({ code: 2, out: '', err: expect.stringContaining('http://127.0.0.1:7431/mcp') });
});
