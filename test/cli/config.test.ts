import { mkdir, writeFile } from 'node:fs/promises';
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
