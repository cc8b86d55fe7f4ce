import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import { World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await World.make({ running: false });
});
afterEach(() => world.end());

async function configured(text: string): Promise<string> {
  const dir = join(world.dir, '.config/yardmaster');
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, 'yardmaster.yaml'), text);
  return join(dir, 'yardmaster.yaml');
}

test('path says where it is looked for', async () => {
  const { out } = await world.yardmaster(['config', 'path']);
  expect(out).toBe(`${world.dir}/.config/yardmaster/yardmaster.yaml\n`);
});

test('show prints what is in force and where it comes from', async () => {
  const file = await configured('retry: { max_attempts: 5 }\n');
  const { out } = await world.yardmaster(['config', 'show'], { env: { YARDMASTER_LOG_LEVEL: 'debug' } });
  expect(out.split('\n')[0]).toBe(`# defaults, overlaid by ${file}, YARDMASTER_LOG_LEVEL`);
  expect(parse(out)).toMatchObject({ retry: { max_attempts: 5, backoff: 5_000 }, log: { level: 'debug' } });
});

test('check names each problem with file, line, key, value and what is allowed', async () => {
  const file = await configured('retry:\n  max_attempts: 99\n');
  const said = await world.yardmaster(['config', 'check']);
  expect(said.code).toBe(1);
  expect(said.err).toContain(`${file}:2:3  retry.max_attempts: 99 is not usable; allowed: at most 20`);
  const json = await world.yardmaster(['config', 'check', '--json']);
  expect(json.code).toBe(1);
  expect(JSON.parse(json.out)).toMatchObject({ ok: false, problems: [{ line: 2, key: 'retry.max_attempts' }] });
});

test('check without a file is content', async () => {
  expect(await world.yardmaster(['config', 'check'])).toMatchObject({ code: 0, out: expect.stringMatching(/^ok/) });
});

test('none of it starts a runtime', async () => {
  await world.yardmaster(['config', 'show']);
  expect(world.starts).toBe(0);
});

test('explain says of each value where it comes from', async () => {
  const file = await configured('retry:\n  max_attempts: 5\n');
  await mkdir(join(world.dir, 'shop', '.git'), { recursive: true });
  await writeFile(join(world.dir, 'shop', '.git', 'HEAD'), 'ref: refs/heads/main\n');
  const own = join(world.dir, 'shop', 'yardmaster.yaml');
  await writeFile(own, 'headless: { ttl: 10m }\nmax_running: 1\n');
  const around = { env: { YARDMASTER_LOG_LEVEL: 'debug' }, cwd: join(world.dir, 'shop') };
  const { out } = await world.yardmaster(['config', 'explain', '--json'], around);
  const { values } = JSON.parse(out) as { values: { key: string; value: unknown; origin: object }[] };
  const of = (key: string) => values.find((one) => one.key === key);
  expect(of('retry.max_attempts')).toMatchObject({ value: 5, origin: { kind: 'file', from: file, line: 2 } });
  expect(of('retry.backoff')).toMatchObject({ value: '5s', origin: { kind: 'default' } });
  expect(of('log.level')).toMatchObject({ value: 'debug', origin: { from: 'YARDMASTER_LOG_LEVEL' } });
  expect(of('headless.ttl')).toMatchObject({ value: '10m', origin: { kind: 'project', from: own, line: 1 } });
  expect(of('max_running')).toMatchObject({ value: 1, origin: { kind: 'project', line: 2 } });
  const one = await world.yardmaster(['config', 'explain', 'journal.segment_bytes'], around);
  expect(one.out).toContain('counts from the next start on');
  const none = await world.yardmaster(['config', 'explain', 'retry.times'], around);
  expect(none).toMatchObject({ code: 2, err: expect.stringContaining('there is no key "retry.times"') });
});

test("check also reads the project's own file, and says what it may not set", async () => {
  await mkdir(join(world.dir, 'shop', '.git'), { recursive: true });
  await writeFile(join(world.dir, 'shop', '.git', 'HEAD'), 'ref: refs/heads/main\n');
  await writeFile(join(world.dir, 'shop', 'yardmaster.yaml'), 'agents: {}\n');
  const said = await world.yardmaster(['config', 'check'], { cwd: join(world.dir, 'shop') });
  expect(said.code).toBe(1);
  expect(said.err).toContain("yardmaster.yaml:1:1  agents: is for the user's own file; a project may not set it");
});

test('reload names what is in force now, what waits for a restart, and what is wrong', async () => {
  await world.start();
  world.runtime.answer = ({ method }) =>
    method === 'yardmaster/reload'
      ? {
          result: {
            changed: ['retry.backoff', 'journal.segment_bytes'],
            restart: ['journal.segment_bytes'],
            problems: [],
          },
        }
      : { result: {} };
  expect((await world.yardmaster(['config', 'reload'])).out).toBe(
    'in force now: retry.backoff\nin force after a restart: journal.segment_bytes\n',
  );
  world.runtime.answer = () => ({
    result: { changed: [], restart: [], problems: ['y.yaml:1:1  retri: is not a known key'] },
  });
  const wrong = await world.yardmaster(['config', 'reload']);
  expect(wrong).toMatchObject({ code: 1, err: expect.stringContaining('The last good configuration stays in force') });
});

test('without a runtime reload says so and starts none', async () => {
  expect((await world.yardmaster(['config', 'reload'])).code).toBe(3);
  expect(world.starts).toBe(0);
});

test('the schema is what editors take, and the packed one is where the hint says', async () => {
  const { out } = await world.yardmaster(['config', 'schema']);
  const schema = JSON.parse(out);
  expect(schema.properties.dispatcher.properties.scan.default).toBe('1m');
  const hint = (await world.yardmaster(['config', 'schema', '--hint'])).out;
  const path = /^# yaml-language-server: \$schema=(.*)\n$/.exec(hint)?.[1] ?? '';
  expect(JSON.parse(await readFile(path, 'utf8'))).toEqual(schema);
});
