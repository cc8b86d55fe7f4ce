import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { JobService } from '../fakes/job-service.ts';
import { until } from '../support/world.ts';
import { type Client, shell, World } from './world.ts';

/* A service that says the key back wherever it can: nobody but itself ever reads it. */

const FROM_ENV = 'sk-environment/4f9c2e77a1d84b06';
const FROM_FILE = 'sk-file/9b1e64d2c07f4a35';
const VARIABLE = 'STORY_FAR_KEY';
const world = new World();
const keyFile = join(world.root, 'the-key');
let far: JobService;
let filed: JobService;
let client: Client;

beforeAll(async () => {
  process.env[VARIABLE] = FROM_ENV; // the world's own environment begins with ours
  writeFileSync(keyFile, `${FROM_FILE}\n`, { mode: 0o600 });
  far = await JobService.start({ key: FROM_ENV, statuses: ['processing'] });
  filed = await JobService.start({ key: FROM_FILE, statuses: ['processing'] });
  const paths = { find: '/api/v1/jobs?idempotency_key={key}', cancel: '/api/v1/jobs/{id}/cancel' };
  world.configure({
    agents: {
      plain: { command: shell(`env; echo "[$\{#${VARIABLE}}]"; cat "$1" >/dev/null; sleep 2`), max: 2 },
      trusted: { command: shell(`echo "[$\{#${VARIABLE}}]"`), pass_env: [VARIABLE] },
    },
    delegation: {
      interval: '100ms',
      providers: {
        far: { kind: 'jobs', base_url: far.url, key_env: VARIABLE, paths },
        filed: { kind: 'jobs', base_url: filed.url, key_file: keyFile, paths },
        keyless: { kind: 'jobs', base_url: far.url, key_env: 'STORY_NO_KEY' },
      },
    },
    retry: { backoff: '100ms', backoff_max: '200ms' },
  });
  client = await world.connect();
});
afterAll(async () => {
  delete process.env[VARIABLE];
  await world.end();
  await far.close();
  await filed.close();
});

function echo(key: string, code: number) {
  const error = { message: `key ${key} (Bearer ${key}) in ${encodeURIComponent(key)}`, [key]: key };
  return { kind: 'status' as const, code, body: JSON.stringify({ error }) };
}

const delegate = async (project: string, provider: string, body: string) =>
  (await client.ask<{ id: string }>('delegate', { project, body, provider })).id;

test.each([
  ['far', FROM_ENV],
  ['filed', FROM_FILE],
])('every error and every answer of %s says its key, and none of it is kept', async (provider, key) => {
  const service = provider === 'far' ? far : filed;
  const project = world.project(`says-${provider}`);
  const jobOf = async (words: string) => {
    const mine = () => [...service.jobs.values()].find(({ order }) => order.prompt.includes(words));
    await until(() => mine() !== undefined);
    return mine()?.job_id ?? '';
  };

  service.fault('submit', echo(key, 403)); // goes back to the queue
  service.fault('submit', echo(key, 400));
  const refused = await client.ended(project, await delegate(project, provider, 'refused at once'));
  expect(refused).toMatchObject({ state: 'failed', reason: expect.stringContaining('[key]') });

  service.fault('submit', { ...echo(key, 500), accepting: true });
  service.fault('find', echo(key, 500));
  service.fault('status', echo(key, 500));
  const failing = await delegate(project, provider, 'fails upstream');
  const failingJob = await jobOf('fails upstream');
  service.settle(failingJob, 'failed', `no credit for ${key}`);
  expect(await client.ended(project, failing)).toMatchObject({
    state: 'failed',
    reason: expect.stringContaining('no credit for [key]'),
  });

  const done = await delegate(project, provider, 'is answered');
  const doneJob = await jobOf('is answered');
  service.job(doneJob).result = { response: `You are ${key}.`, model: key, provider: key };
  service.settle(doneJob, 'completed');
  expect((await client.ended(project, done)).result?.text).toContain('You are [key].');

  service.fault('cancel', echo(key, 500));
  const cancelled = await delegate(project, provider, 'is cancelled');
  await jobOf('is cancelled');
  await client.state(project, cancelled, 'running');
  await client.ask('cancel_task', { project, id: cancelled });
  expect(await client.ended(project, cancelled)).toMatchObject({ state: 'cancelled' });
});

test('a provider without its key is told, and what it is given waits', async () => {
  const log = () => readdirSync(join(world.home, 'logs')).map((file) => world.read(world.home, 'logs', file));
  await until(() => log().join('').includes('provider keyless has no key, so that its tasks wait'));
  const project = world.project('keyless');
  const id = await delegate(project, 'keyless', 'to nobody');
  const said = 'the environment variable STORY_NO_KEY holds no API key';
  await until(async () => (await client.one(project, id)).reason?.includes(said) === true);
  await client.ask('cancel_task', { project, id });
  expect(await client.ended(project, id)).toMatchObject({ state: 'cancelled' });
});

test('no process of ours but the runtime has the key; an agent only where its configuration passes it', async () => {
  const project = world.project('agents');
  const { id } = await client.enqueue(project, 'show your environment', { agent: 'plain' });
  await client.state(project, id, 'running');
  let agents = 0;
  await until(() => {
    for (const { pid, command } of world.processes()) {
      if (pid === world.runtime || command.includes('main.js mcp')) continue; // started by the person, with the person's own
      const seen = command + environOf(pid);
      if (command.includes('sleep 2')) agents++;
      expect(seen, command).not.toContain(FROM_ENV);
      expect(seen, command).not.toContain(FROM_FILE);
    }
    return agents > 0;
  });
  expect((await client.ended(project, id)).result?.text).toContain('[0]');
  const trusted = await client.enqueue(project, 'x', { agent: 'trusted' });
  expect((await client.ended(project, trusted.id)).result?.text).toContain(`[${FROM_ENV.length}]`);
});

test('no file of the home or of a project holds a key', async () => {
  await world.endRuntime('SIGTERM'); // all is written
  const files = everyFile(world.root).filter((path) => path !== keyFile);
  expect(files.some((path) => path.includes('/journal/'))).toBe(true);
  expect(files.some((path) => path.includes('/logs/'))).toBe(true);
  expect(files.some((path) => path.includes('/failed/'))).toBe(true);
  const keys = [FROM_ENV, FROM_FILE].flatMap((key) => [key, key.replace('/', '\\/'), encodeURIComponent(key)]);
  const holding = files.filter((path) => keys.some((key) => readFileSync(path).includes(key)));
  expect(holding).toEqual([]);
});

function environOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8');
  } catch {
    return ''; // it has ended
  }
}

function everyFile(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map((name) => join(root, name))
    .filter((path) => existsSync(path) && statSync(path).isFile());
}
