import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { JobService } from '../fakes/job-service.ts';
import { until } from '../support/world.ts';
import { World } from './world.ts';

/*
 * What tools of the seeds read of a delegated task, at each of its stages and from a live runtime: addresses, markers, result
 * files. Names, types and units stay for ever; others may be added.
 */

const iso = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
const Counters = z.object({
  delegated_active: z.number().int().nonnegative(),
  delegated_completed_total: z.number().int().nonnegative(),
  delegated_failed_total: z.number().int().nonnegative(),
});
const SeedStatus = Counters.extend({
  jobs: z.array(
    z.object({
      job_id: z.string().min(1).nullable(),
      project: z.string().min(1),
      task_file: z.string().regex(/^[^/]+\.md$/),
      provider: z.string().min(1),
      duration: z.number().nonnegative(),
    }),
  ),
});
type SeedStatus = z.infer<typeof SeedStatus>;
const SeedMarker = z.object({
  project: z.string(),
  task_file: z.string(),
  job_id: z.string().nullable(),
  provider: z.string(),
  started_at: iso,
});

let service: JobService;
let slow: JobService;
let world: World;
let project: string;
beforeAll(async () => {
  service = await JobService.start({ statuses: ['processing'] });
  slow = await JobService.start();
  const provider = (url: string) => ({ kind: 'jobs', base_url: url, ai: ['gpu'], idempotent_submit: true });
  const providers = { far: provider(service.url), slow: { ...provider(slow.url), timeout: '60s' } };
  const delegation = { interval: '50ms', default_provider: 'far', concurrency: 1, providers };
  world = await new World({ delegation, retry: { backoff: '50ms', backoff_max: '100ms' } }).start();
  project = world.project('shop');
});
afterAll(async () => {
  await slow.close(); // what stalls there ends first
  await world.end();
  await service.close();
});

async function status(): Promise<SeedStatus> {
  return SeedStatus.parse((await world.get('/api/delegated/status')).json);
}

async function send(title: string, provider: string): Promise<string> {
  const sent = await world.post('/api/v1/delegate', { project, title, body: title, provider });
  expect(sent.status).toBe(201);
  return sent.json.id;
}

const jobOf = (seen: SeedStatus, id: string) => seen.jobs.find(({ task_file }) => task_file === `${id}.md`);
const queue = (path: string) => `${project}/.agent-queue/${path}`;
const upstream = (title: string) => [...service.jobs.values()].find(({ order }) => order.prompt.includes(title));

async function markerOf(id: string, holds: (marker: z.infer<typeof SeedMarker>) => boolean) {
  let marker: z.infer<typeof SeedMarker> | undefined;
  await until(() => {
    if (!existsSync(queue(`inbox/${id}.md.delegated`))) return false;
    marker = SeedMarker.parse(JSON.parse(readFileSync(queue(`inbox/${id}.md.delegated`), 'utf8')));
    return holds(marker);
  });
  return marker;
}

test('a job that is at work: the row, the marker, the watchdog; its age is in seconds', async () => {
  const begun = Date.now();
  const id = await send('At work', 'far');
  await until(async () => jobOf(await status(), id)?.job_id != null);
  const job = upstream('At work');
  const row = jobOf(await status(), id);
  expect(row).toMatchObject({ job_id: job?.job_id, project: 'shop', task_file: 'at-work.md', provider: 'far' });
  const marker = await markerOf(id, ({ job_id }) => job_id !== null);
  expect(marker).toEqual({ ...row, duration: undefined, started_at: marker?.started_at });
  expect(Date.parse(String(marker?.started_at))).toBeGreaterThanOrEqual(begun - 1_000);
  await until(async () => (jobOf(await status(), id)?.duration ?? 0) >= 1);
  expect(jobOf(await status(), id)?.duration).toBeLessThanOrEqual((Date.now() - begun) / 1_000 + 1);
  expect(existsSync(queue(`inbox/${id}.md`))).toBe(true); // the task stays beside its marker
  const watchdog = (await world.get('/watchdog/status')).json as unknown as Record<string, unknown>;
  expect(watchdog).toMatchObject({ delegated_active: 1, active: 1, queued: 0, pid: process.pid });
  expect(iso.parse(watchdog.ts)).toBeTruthy();
});

test('a request without an answer yet, and one that waits for its turn: no job id, and they count', async () => {
  slow.fault('submit', { kind: 'stall', accepting: true });
  const asked = await send('Asked', 'slow');
  await markerOf(asked, ({ job_id }) => job_id === null);
  await until(() => slow.requests.length > 0); // it is under way
  const behind = await send('Behind it', 'slow');
  await until(async () => jobOf(await status(), behind) !== undefined);
  const seen = await status();
  expect(seen).toMatchObject({ delegated_active: 3 });
  expect([asked, behind].map((id) => jobOf(seen, id)?.job_id)).toEqual([null, null]);
  const rows = (await world.get('/api/delegated/status')).json as unknown as { jobs: Record<string, unknown>[] };
  expect(rows.jobs.map((row) => row.status).sort()).toEqual(['processing', 'unconfirmed', 'unsent']);
});

test('a job that is completed: the counter, the file with provider and a cost of four decimals, no marker', async () => {
  const before = await status();
  const id = await send('Costly', 'far');
  await until(() => upstream('Costly') !== undefined);
  const job = upstream('Costly');
  if (!job) throw new Error('it was there');
  job.result = { response: 'It costs.', provider: 'gemini', model: 'pro', cost_cad: 0.5, tokens: 12 };
  service.settle(job.job_id, 'completed');
  await until(async () => (await status()).delegated_completed_total === before.delegated_completed_total + 1);
  const after = await status();
  expect(jobOf(after, id)).toBeUndefined();
  expect(after.delegated_failed_total).toBe(before.delegated_failed_total);
  await until(() => existsSync(queue(`done/${id}.md`)) && !existsSync(queue(`inbox/${id}.md`)));
  const text = readFileSync(queue(`done/${id}.md`), 'utf8');
  for (const line of [
    'status: completed',
    'provider: gemini',
    'model: pro',
    'cost_cad: 0.5000',
    `job_id: ${job.job_id}`,
  ])
    expect(text.split('\n'), line).toContain(line);
  expect(text).toMatch(/^delegated_at: .?\d{4}-\d\d-\d\dT[\d:.]+Z.?$/m);
  expect(text).toMatch(/^finished_at: .?\d{4}-\d\d-\d\dT[\d:.]+Z.?$/m);
  expect(text.endsWith('It costs.\n\n---\nprovider: gemini, cost_cad: 0.5000\n')).toBe(true);
  expect(existsSync(queue(`inbox/${id}.md.delegated`))).toBe(false);
});

test('a job that failed: the counter, and the task as it was in failed/', async () => {
  const before = await status();
  const id = await send('Hopeless', 'far');
  await until(() => upstream('Hopeless') !== undefined);
  service.settle(String(upstream('Hopeless')?.job_id), 'failed', 'out of tokens');
  await until(async () => (await status()).delegated_failed_total === before.delegated_failed_total + 1);
  expect((await status()).delegated_completed_total).toBe(before.delegated_completed_total);
  await until(() => existsSync(queue(`failed/${id}.md`)) && !existsSync(queue(`inbox/${id}.md`)));
  const text = readFileSync(queue(`failed/${id}.md`), 'utf8');
  expect(text.split('\n')).toContain('status: failed');
  expect(text).toMatch(/^failed_reason: .*out of tokens/m);
  expect(text).toMatch(/^provider: far$/m);
  expect(text).toMatch(/^delegated_at: /m);
  expect(text.slice(text.indexOf('## The task as it was'))).toMatch(/title: Hopeless[\s\S]*preferred_ai: far/);
  expect(existsSync(queue(`inbox/${id}.md.delegated`))).toBe(false);
});

test('a job that is cancelled is active no more, and counts neither as completed nor as failed', async () => {
  const before = await status();
  const id = await send('Unwanted', 'far');
  await until(async () => jobOf(await status(), id)?.job_id != null);
  expect((await status()).delegated_active).toBe(before.delegated_active + 1);
  const { store } = world.runtime.yard;
  const task = [...store.open().values()].find((one) => one.id === id);
  if (!task) throw new Error('it is open');
  await store.cancel({ project: task.project, id: task.id }, 'not wanted', { by: 'owner' });
  await until(async () => (await status()).delegated_active === before.delegated_active);
  expect(await status()).toMatchObject({
    delegated_completed_total: before.delegated_completed_total,
    delegated_failed_total: before.delegated_failed_total,
  });
});
