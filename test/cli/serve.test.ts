import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { World } from './world.ts';

const main = fileURLToPath(new URL('../../dist/for-tests/src/main.js', import.meta.url));

let world: World;
beforeEach(async () => {
  world = await World.make({ running: false });
});
afterEach(() => world.end());

async function serve(env: Record<string, string> = {}): Promise<string> {
  return (await world.yardmaster(['serve'], { env: { PATH: '', ...env } })).out;
}

async function configured(text: string): Promise<string> {
  const file = join(world.dir, 'y.yaml');
  await writeFile(file, text);
  return file;
}

test('the foreground says where it is and how a client gets to it', async () => {
  const out = await serve();
  expect(out).toContain(`  home     ${world.dir}\n`);
  expect(out).toContain(`  socket   ${join(world.dir, 'runtime.sock')}\n`);
  expect(out).toContain(
    `claude mcp add yardmaster -e YARDMASTER_HOME=${world.dir} -- ${process.execPath} /opt/yardmaster/dist/main.js mcp\n`,
  );
});

test('a home of its own goes into the line to paste, quoted where a shell needs it', async () => {
  const out = await serve({
    PATH: dirname(process.execPath),
    YARDMASTER_HOME: world.dir,
    YARDMASTER_CONFIG: "it's.yaml",
  });
  expect(out).toContain(
    `-e YARDMASTER_HOME=${world.dir} -e 'YARDMASTER_CONFIG=${world.dir}/it'\\''s.yaml' -- node /opt/yardmaster/dist/main.js mcp\n`,
  );
});

test('the first run is told what to configure, and where; the next one counts what is there', async () => {
  const path = join(world.dir, '.config', 'yardmaster', 'yardmaster.yaml');
  const first = await serve();
  expect(first).toContain(`put this into ${path}; it counts within seconds:\n  allowed_roots:`);
  const example = first.split('within seconds:\n')[1]?.replace(/^ {2}/gm, '') ?? '';
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, example);
  const second = await serve();
  expect(second).toContain(`${path}: 0 projects, 1 agent\n`);
  expect(second).not.toContain('within seconds');
});

test('what the machine lacks is said with the way to get it', async () => {
  expect(await serve()).toMatch(/This machine lacks:\n(.*\n)*? {2}tmux .*\n +→ .*install tmux\n/);
});

test('a configuration that is wrong is said before the runtime gives up', async () => {
  const file = await configured('log: { level: loud }\n');
  expect(await serve({ YARDMASTER_CONFIG: file })).toContain(`  wrong    ${file}:1:8 log.level`);
});

test('where another runtime has the home, nothing is claimed', async () => {
  await world.start();
  const said = await world.yardmaster(['serve'], { env: {} });
  expect(said).toMatchObject({ code: 75, out: '' });
});

test('the real one: words on stdout, the log on stderr at the configured level, gone after a signal', async () => {
  const file = await configured('log: { level: warn }\n');
  const env = {
    ...process.env,
    YARDMASTER_HOME: join(world.dir, 'home'),
    YARDMASTER_CONFIG: file,
    YARDMASTER_HTTP_PORT: '0',
  };
  const child = spawn(process.execPath, [main, 'serve'], { env, stdio: 'pipe' });
  let [out, err] = ['', ''];
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  child.stdout.on('data', (chunk) => {
    out += chunk;
    if (out.includes('claude mcp add')) child.kill('SIGTERM');
  });
  expect(await ended).toBe(0);
  expect(out).not.toContain('{"level"');
  expect(err).toContain('"msg":"listening"'); // before the configuration is read
  expect(err.split('\n').filter((line) => line.includes('"msg":"stopped"'))).toEqual([]);
});
