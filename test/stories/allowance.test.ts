import { afterAll, beforeAll, expect, test } from 'vitest';
import { JobService } from '../fakes/job-service.ts';
import { type Client, shell, World } from './world.ts';

const world = new World();
let service: JobService;
let client: Client;

const settings = (daily_jobs: number) => ({
  agents: { echo: { command: shell('cat "$1"'), max: 1 } },
  delegation: {
    interval: '200ms',
    providers: { far: { kind: 'jobs', base_url: service.url, idempotent_submit: true } },
  },
  allowance: { agents: { far: { daily_jobs }, echo: { max_job_duration: '1s' } } },
});

beforeAll(async () => {
  service = await JobService.start();
  world.configure(settings(2));
  client = await world.connect();
});
afterAll(async () => {
  await world.end();
  await service.close();
});

interface Shown {
  readonly allowance?: readonly { readonly name: string; readonly state: string; readonly limits: readonly object[] }[];
  readonly needs: readonly { readonly what: string }[];
}

function nextMidnight(): string {
  return new Date((Math.floor(Date.now() / 86_400_000) + 1) * 86_400_000).toISOString();
}

test('the third job of a day waits until midnight, also for the next runtime, and begins when more is allowed', async () => {
  const project = world.project('away');
  const task = { preferred_ai: 'far' };
  for (const id of ['one', 'two']) {
    await client.enqueue(project, 'Compare.', { id, ...task });
    expect(await client.ended(project, id)).toMatchObject({ state: 'done' });
  }
  const midnight = nextMidnight();
  await client.enqueue(project, 'Compare.', { id: 'three', ...task });
  const waits = { state: 'queued', waiting: { reason: 'allowance', until: midnight } };
  expect(await client.one(project, 'three')).toMatchObject(waits);
  const { route } = await client.ask<{ route: { detail?: string } }>('decide_route', { project, id: 'three' });
  expect(route.detail).toContain('far has used 2 of 2 jobs today (allowance.agents.far.daily_jobs)');

  await world.endRuntime('SIGKILL');
  expect(await client.one(project, 'three')).toMatchObject(waits);
  const { allowance, needs } = await client.ask<Shown>('fleet_status');
  expect(allowance?.[0]).toMatchObject({
    ...{ of: 'agent', name: 'far', state: 'exceeded' },
    limits: expect.arrayContaining([
      { what: 'daily_jobs', used: 2, limit: 2, remaining: 0, resets_at: midnight, state: 'exceeded' },
    ]),
  });
  expect(needs.map(({ what }) => what).join()).toContain('1 task waits for allowance: far has used 2 of 2');
  expect(service.jobs.size).toBe(2);

  world.configure(settings(3));
  await world.cli(['config', 'reload']);
  expect(await client.ended(project, 'three')).toMatchObject({ state: 'done', attempts: 1 });
  expect(service.jobs.size).toBe(3);
});

test('an attempt ends when its agent may take no longer', async () => {
  world.configure({ ...settings(3), agents: { echo: { command: shell('sleep 600') } }, retry: { max_attempts: 1 } });
  await world.cli(['config', 'reload']);
  const project = world.project('slow');
  const { id } = await client.enqueue(project, 'Take your time.', { agent: 'echo', ttl_seconds: 3_600 });
  expect(await client.ended(project, id)).toMatchObject({
    state: 'failed',
    error_class: 'timeout',
    reason: expect.stringContaining('longer than 1 s'),
  });
});
