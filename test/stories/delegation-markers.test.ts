import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { JobService } from '../fakes/job-service.ts';
import { until } from '../support/world.ts';
import { type Client, type Status, World } from './world.ts';

/* What the markers in the inbox are worth when the home is gone, with its journal. */

const world = new World();
let service: JobService;
let project: string;

beforeAll(async () => {
  service = await JobService.start({ statuses: ['processing'] });
  project = world.project('shop');
  world.configure({
    projects: [{ name: 'shop', path: project }],
    delegation: {
      interval: '200ms',
      default_provider: 'far',
      providers: { far: { kind: 'jobs', base_url: service.url, idempotent_submit: true, timeout: '60s' } },
    },
  });
});
afterAll(async () => {
  await world.end();
  await service.close();
});

const jobOf = (text: string) => [...service.jobs.values()].filter(({ order }) => order.prompt.includes(text));
const markerOf = (id: string) => world.queue(project, 'inbox', `${id}.md.delegated`);
const marked = (id: string): { job_id?: string | null; attempt?: number } =>
  existsSync(markerOf(id)) ? JSON.parse(readFileSync(markerOf(id), 'utf8')) : {};

/** The next runtime has nothing but the project's files. */
async function loseHome(): Promise<Client> {
  await world.endRuntime('SIGKILL');
  rmSync(world.home, { recursive: true });
  world.home = join(world.root, 'another-home');
  return world.connect();
}

test('a job goes on under its marker and is finished once; one that may have been sent is never sent again', async () => {
  const first = await world.connect();
  const known = await first.ask<{ id: string }>('delegate', { project, title: 'Known', body: 'its job has a name' });
  await until(() => typeof marked(known.id).job_id === 'string');
  service.fault('submit', { kind: 'stall', accepting: true });
  const doubtful = await first.ask<{ id: string }>('delegate', { project, title: 'Doubtful', body: 'nobody answered' });
  await until(() => jobOf('nobody answered').length === 1);
  expect(marked(doubtful.id)).toMatchObject({ job_id: null, attempt: 1 });
  await first.close();
  const submits = () => service.requests.filter((line) => line.startsWith('POST')).length;
  const before = submits();

  const client = await loseHome();
  await until(async () => {
    const { tasks } = await client.ask<Status>('list_tasks', { project, limit: 10 });
    return tasks.length === 2 && tasks.some(({ state }) => state === 'unknown');
  });
  const looks = jobOf('its job has a name')[0]?.looks ?? 0;
  await until(() => (jobOf('its job has a name')[0]?.looks ?? 0) > looks);
  for (const { job_id } of jobOf('its job has a name')) service.settle(job_id, 'completed');
  expect(await client.ended(project, known.id)).toMatchObject({ state: 'done', attempts: 1 });
  await until(() => world.listed(project, 'inbox').length === 2);
  expect(world.listed(project, 'inbox')).toEqual([`${doubtful.id}.md`, `${doubtful.id}.md.delegated`]);
  expect(world.listed(project, 'done')).toEqual([`${known.id}.md`]);
  expect((await world.cli(['status'])).stdout).toMatch(/may have been submitted/);
  expect(submits()).toBe(before);
  expect(service.jobs.size).toBe(2);
});

test('a marker of an older tool, without attempt and key and with a time of its own kind, is followed too', async () => {
  const order = { type: 'analyze', priority: 'normal', prompt: 'older work', source: 'seed' };
  const made = await fetch(`${service.url}/api/v1/jobs`, { method: 'POST', body: JSON.stringify(order) });
  const { job_id } = (await made.json()) as { job_id: string };
  await world.endRuntime('SIGTERM');
  writeFileSync(world.queue(project, 'inbox', 'older.md'), 'older work\n');
  const marker = { project, task_file: 'older.md', job_id, provider: 'far', started_at: 'yesterday at noon' };
  writeFileSync(markerOf('older'), JSON.stringify(marker));
  const client = await world.connect();
  await until(() => (jobOf('older work')[0]?.looks ?? 0) > 0);
  await world.endRuntime('SIGKILL'); // what was written of it can be read again
  service.settle(job_id, 'completed');
  expect(await client.ended(project, 'older')).toMatchObject({ state: 'done', job_id });
  expect(jobOf('older work')).toHaveLength(1);
});
