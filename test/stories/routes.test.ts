import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Route } from '../../src/runtime/model/route.ts';
import { JobService } from '../fakes/job-service.ts';
import { until } from '../support/world.ts';
import { type Accepted, type Client, type Status, shell, World } from './world.ts';

const world = new World();
let service: JobService;
let client: Client;

beforeAll(async () => {
  service = await JobService.start({ statuses: ['completed'] });
  const quick = (capabilities: string[], max = 0) => ({
    command: ['true', '{model}'],
    capabilities,
    max,
    stdin: 'none',
  });
  world.configure({
    agents: {
      alpha: quick(['lint']),
      beta: quick(['lint', 'test']),
      gamma: { ...quick(['draw']), command: ['true'] },
      gate: { command: shell('until [ -e open ]; do sleep 0.05; done'), capabilities: ['gate'], max: 1 },
    },
    projects: [{ name: 'wide', path: world.project('wide'), shared_checkout: true }],
    headless: { max_running: 0 },
    delegation: {
      interval: '200ms',
      default_provider: 'far',
      providers: {
        far: { kind: 'jobs', base_url: service.url, ai: ['gemini', 'gpu'] },
        near: { kind: 'jobs', base_url: service.url },
      },
    },
  });
  client = await world.connect();
});
afterAll(async () => {
  await world.end();
  await service.close();
});

const some = <T>(...values: T[]) => fc.option(fc.constantFrom(...values), { nil: undefined });
const keys = fc.record({
  priority: some('critical', 'high', 'default', 'low'),
  requires: some(['lint'], ['test'], ['draw'], ['lint', 'test'], ['fly']),
  agent: some('alpha', 'beta', 'gamma', 'nobody'),
  preferred_ai: some('claude-code', 'far', 'near', 'gemini', 'gpu', 'auto', 'unheard-of'),
  allow_delegation: some(true, false),
  needs_claude_code: some(true, false),
  complexity_hint: some('simple', 'moderate', 'complex'),
  model: some('opus', 'haiku'),
  mode: fc.constantFrom(undefined, undefined, undefined, 'headless', 'session'),
  result_schema: fc.constantFrom(undefined, undefined, undefined, { type: 'object' }),
});

test('where a task ran is where decide_route said that it would, for two hundred tasks', async () => {
  const wanted = fc.sample(keys, { numRuns: 200, seed: 7 });
  const said = new Map<string, Route>();
  const refused = new Set<string>();
  // One after the other: a route depends on what else runs.
  for (const [n, spec] of wanted.entries()) {
    const id = `t-${n}`;
    const { route } = await client.ask<{ route: Route }>('decide_route', { project: 'wide', ...spec });
    said.set(id, route);
    const answer = await client.call('enqueue_task', { project: 'wide', id, body: 'x', ...spec });
    if (answer.isError) refused.add(id);
    if (route.to === 'agent') await client.ended('wide', id);
    if (route.to === 'provider') await until(async () => (await client.one('wide', id)).state !== 'queued');
    if (route.to === 'provider' && n % 10 === 0) await client.ended('wide', id);
  }
  const claimed = await world.events<{ type: string; id: string; route: Route }>('task_claimed');
  const ran = new Map(claimed.map(({ id, route }) => [id, route]));
  for (const [id, route] of said) {
    if (route.to === 'agent' || route.to === 'provider') expect(ran.get(id), id).toEqual(route);
    else expect(ran.has(id), id).toBe(false);
    expect(refused.has(id), id).toBe(route.to === 'refuse');
  }
  expect(new Set([...said.values()].map(({ to }) => to)).size).toBeGreaterThanOrEqual(3);
}, 90_000);

test('a waiting task is told the same reason by job_status, decide_route and the list', async () => {
  const project = world.project('narrow');
  const first = await client.enqueue(project, 'x', { requires: ['gate'] });
  await client.state(project, first.id, 'running');
  const { id } = await client.ask<Accepted>('enqueue_task', {
    project: world.project('other'),
    body: 'y',
    requires: ['gate'],
  });
  const { route } = await client.ask<{ route: Route }>('decide_route', { project: 'other', id });
  expect(route).toMatchObject({ to: 'wait', reason: 'no_free_agent' });
  expect(await client.one('other', id)).toMatchObject({ waiting: { reason: 'no_free_agent' } });
  const { tasks } = await client.ask<Status>('list_tasks', { project: 'other' });
  expect(tasks[0]).toMatchObject({ waiting: { reason: 'no_free_agent' } });
  const going = await client.ask<{ route: Route; under_way: boolean }>('decide_route', { project, id: first.id });
  expect(going).toMatchObject({ under_way: true, route: { to: 'agent', agent: 'gate' } });
});
