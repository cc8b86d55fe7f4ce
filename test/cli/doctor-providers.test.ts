import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { JobService } from '../fakes/job-service.ts';
import { World } from './world.ts';

let world: World;
let service: JobService;
beforeEach(async () => {
  world = await World.make();
  world.runtime.answer = () => ({ result: {} });
  service = await JobService.start({ key: 'good-key-0123456789' });
});
afterEach(async () => {
  await service.close();
  await world.end();
});

async function provider(settings: object, env: Record<string, string> = {}) {
  const file = join(world.dir, 'y.yaml');
  const far = { kind: 'jobs', base_url: service.url, ...settings };
  await writeFile(file, JSON.stringify({ delegation: { providers: { far } } }));
  const around = { env: { PATH: '', YARDMASTER_CONFIG: file, ...env } };
  const { out } = await world.yardmaster(['doctor', '--json'], around);
  const { findings } = JSON.parse(out) as {
    findings: { name: string; state: string; detail: string; hint?: string }[];
  };
  expect(out).not.toMatch(/-key-|hunter2/);
  return findings.find(({ name }) => name === 'provider');
}

test('one that answers and takes the key is well, and nothing is submitted', async () => {
  const found = await provider({ key_env: 'FAR_KEY' }, { FAR_KEY: 'good-key-0123456789' });
  expect(found).toMatchObject({ state: 'ok', detail: `far answers at 127.0.0.1:${service.port}` });
  expect(service.requests).toEqual(['GET /api/v1/jobs/yardmaster-doctor']);
});

test('a key that is not there, not taken, or open to others is named, never said', async () => {
  expect(await provider({ key_env: 'FAR_KEY' })).toMatchObject({
    state: 'note',
    detail: 'far: FAR_KEY, its key, is not set here',
    hint: expect.stringContaining('restart'),
  });
  const wrong = await provider({ key_env: 'FAR_KEY' }, { FAR_KEY: 'bad-key-0123456789' });
  expect(wrong).toMatchObject({ state: 'note', detail: expect.stringContaining('HTTP 401: it does not take the key') });
  const key_file = join(world.dir, 'far.secret');
  expect(await provider({ key_file })).toMatchObject({
    detail: `far: its key file ${key_file} can't be read (ENOENT)`,
  });
  await writeFile(key_file, 'good-key-0123456789\n', { mode: 0o644 });
  expect(await provider({ key_file })).toMatchObject({ hint: `chmod 600 ${key_file}` });
  await chmod(key_file, 0o600);
  expect(await provider({ key_file })).toMatchObject({ state: 'ok' });
});

test('one that is not there, elsewhere, or in trouble says which', async () => {
  const key_env = 'FAR_KEY';
  const env = { FAR_KEY: 'good-key-0123456789' };
  service.fault('status', { kind: 'redirect', to: 'http://169.254.169.254/', code: 302 });
  expect(await provider({ key_env }, env)).toMatchObject({
    detail: expect.stringContaining('redirects are not followed'),
  });
  service.fault('status', { kind: 'status', code: 503 });
  expect(await provider({ key_env }, env)).toMatchObject({
    state: 'note',
    detail: expect.stringContaining('HTTP 503'),
  });
  service.fault('status', { kind: 'drop' });
  expect(await provider({ key_env }, env)).toMatchObject({ detail: expect.stringContaining("can't be reached") });
  expect(await provider({ base_url: 'http://me:hunter2@127.0.0.1' })).toMatchObject({
    state: 'note',
    detail: expect.stringContaining('a user or a password'),
  });
  expect(await provider({ key_env, base_url: 'http://192.0.2.1' }, env)).toMatchObject({
    detail: 'far: its key would go to 192.0.2.1 unencrypted',
  });
});

test('a chat server is asked for its models', async () => {
  const chat = { kind: 'openai-chat', base_url: `${service.url}/v1`, model: 'small' };
  expect(await provider(chat)).toMatchObject({ state: 'ok' }); // a 404 is an answer
  expect(service.requests).toEqual(['GET /v1/models']);
});
