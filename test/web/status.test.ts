import { afterAll, beforeAll, expect, test } from 'vitest';
import { JobService } from '../fakes/job-service.ts';
import { MemorySessions } from '../fakes/memory-sessions.ts';
import { until } from '../support/world.ts';
import { World } from './world.ts';

/* What scripts of earlier tools read, field by field. Fields may be added, none may change or go. */

let service: JobService;
let world: World;
beforeAll(async () => {
  service = await JobService.start({ statuses: ['processing'] });
  const far = { kind: 'jobs', base_url: service.url, ai: ['gpu'], idempotent_submit: true };
  world = await new World({ delegation: { interval: '50ms', default_provider: 'far', providers: { far } } }).start();
});
afterAll(async () => {
  await world.end();
  await service.close();
});

const status = async () => (await world.get('/api/delegated/status')).json as unknown as Record<string, unknown>;

test('before anything was delegated the counters are zero and the lists empty', async () => {
  expect(await status()).toMatchObject({
    delegated_active: 0,
    delegated_completed_total: 0,
    delegated_failed_total: 0,
    delegated_polls_total: 0,
    jobs: [],
    providers: {},
  });
});

test('/api/delegated/status shows the job while it runs and counts it when it has ended', async () => {
  const project = world.project('shop');
  const sent = await world.post('/api/v1/delegate', { project, title: 'Far away', body: 'hard', provider: 'far' });
  expect(sent.status).toBe(201);
  await until(() => service.jobs.size === 1);
  const [job] = service.jobs.values();
  await until(async () => JSON.stringify(await status()).includes(String(job?.job_id)));
  const counters = { delegated_active: 1, delegated_completed_total: 0, delegated_failed_total: 0 };
  expect(await status()).toMatchObject({
    ...counters,
    delegated_polls_total: expect.any(Number),
    jobs: [
      {
        job_id: job?.job_id,
        project: 'shop',
        task_file: 'far-away.md',
        provider: 'far',
        duration: expect.any(Number),
        attempt: 1,
        status: expect.stringMatching(/./),
      },
    ],
    providers: { far: { ...counters, delegated_polls_total: expect.any(Number) } },
  });
  const watchdog = (await world.get('/watchdog/status')).json as unknown as Record<string, unknown>;
  expect(watchdog).toMatchObject({ active: 1, queued: 0, delegated_active: 1, status: 'ok' });

  service.settle(String(job?.job_id), 'failed', 'out of tokens');
  await until(async () => (await status()).delegated_failed_total === 1);
  expect(await status()).toMatchObject({
    delegated_active: 0,
    delegated_completed_total: 0,
    delegated_failed_total: 1,
    jobs: [],
    providers: { far: { delegated_active: 0, delegated_failed_total: 1 } },
  });
});

test('/watchdog/status says how things are, and lists no session where there is none', async () => {
  await until(() => world.runtime.yard.converged());
  expect((await world.get('/watchdog/status')).json).toEqual({
    ts: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    pid: process.pid,
    version: '0.0.0-test',
    status: 'attention', // the task that failed waits for somebody to look
    active: 0,
    queued: 0,
    delegated_active: 0,
    needs: 1,
    converged: true,
    sessions: [],
  });
});

test('/watchdog/status and the list name sessions by their states, with what they need', async () => {
  const sessions = new MemorySessions({ now: () => Date.now() });
  sessions.add('auto-1', { kind: 'autonomous', state: 'cooling', until: Date.now() + 60_000 });
  sessions.add('shop-main', { state: 'blocked', blocked_on: 'login', detail: 'not logged in' });
  const other = await new World({}, undefined, () => ({ sessions })).start();
  const watchdog = (await other.get('/watchdog/status')).json;
  expect(watchdog.sessions).toMatchObject([
    { name: 'auto-1', state: 'cooling', until: expect.stringMatching(/Z$/) },
    { name: 'shop-main', state: 'blocked', blocked_on: 'login', detail: 'not logged in' },
  ]);
  expect((await other.get('/api/v1/sessions?state=blocked')).json.sessions).toHaveLength(1);
  await other.end();
});
