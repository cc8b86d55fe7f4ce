import { beforeEach, expect, test } from 'vitest';
import { Desk } from './desk.ts';

let desk: Desk;
beforeEach(async () => {
  desk = new Desk();
  await desk.enqueue('build');
});

test('where a task that is only described would run', async () => {
  expect(await desk.call('decide_route', { requires: ['lint'] })).toMatchObject({
    route: { to: 'agent', agent: 'worker', rules: [{ rule: 'requires' }] },
  });
  expect(await desk.call('decide_route', { requires: ['magic'] })).toMatchObject({
    route: { to: 'wait', reason: 'no_eligible_agent' },
    next: expect.stringContaining('fleet_status'),
  });
  expect(desk.yard.store.open().size).toBe(1);
});

test('where a task would run, runs, or ran', async () => {
  expect(await desk.call('decide_route', { id: 'build' })).toMatchObject({
    task: { id: 'build', project: 'shop' },
    route: { agent: 'worker' },
  });
  const lease = await desk.run(desk.ref('build'));
  expect(await desk.call('decide_route', { id: 'build' })).toMatchObject({ under_way: true });
  await desk.yard.store.end(lease, { kind: 'finished', outcome: { state: 'done', result: '' } });
  expect(await desk.refusal('decide_route', { id: 'build' })).toMatchObject({ code: 'not_possible' });
});

test('an existing task is routed as its file says', async () => {
  expect(await desk.refusal('decide_route', { id: 'build', agent: 'worker' })).toMatchObject({
    code: 'invalid',
    message: expect.stringContaining('agent'),
  });
});

test('a waiting task is handed to a provider', async () => {
  expect(await desk.call('delegate', { id: 'build' })).toMatchObject({
    id: 'build',
    project: 'shop',
    provider: 'gpu',
    state: 'claimed',
  });
  await desk.enqueue('other');
  expect(await desk.call('delegate', { id: 'other', provider: 'gpu' })).toMatchObject({ provider: 'gpu' });
});

test('a new prompt becomes a task that may go out, and is answered at once', async () => {
  const answer = await desk.call('delegate', {
    project: 'shop',
    title: 'Compare licences',
    body: 'MIT or Apache?',
    provider: 'gemini',
    group: 'law',
  });
  expect(answer).toMatchObject({
    id: 'compare-licences',
    state: 'queued',
    created: true,
    provider: 'gpu',
    ai: 'gemini',
    next: expect.stringContaining('job_status'),
  });
  expect(await desk.yard.store.get(desk.ref('compare-licences'))).toMatchObject({
    spec: { preferred_ai: 'gemini', allow_delegation: true, group: 'law' },
  });
  const auto = await desk.call('delegate', { project: 'shop', id: undefined, body: 'Anything' });
  expect(await desk.yard.store.get(desk.ref(String(auto.id)))).toMatchObject({ spec: { preferred_ai: 'auto' } });
});

test('what delegate refuses', async () => {
  expect(await desk.refusal('delegate', { project: 'shop' })).toMatchObject({ code: 'invalid' });
  expect(await desk.refusal('delegate', { id: 'build', body: 'and a prompt' })).toMatchObject({ code: 'invalid' });
  expect(await desk.refusal('delegate', { id: 'build', priority: 'high' })).toMatchObject({
    message: expect.stringContaining('priority'),
  });
  expect(await desk.refusal('delegate', { id: 'build', provider: 'moon' })).toMatchObject({
    code: 'invalid',
    hint: 'allowed: auto, gpu, gemini',
  });
  desk.yard.providers.pop();
  expect(await desk.refusal('delegate', { id: 'build' })).toMatchObject({ code: 'not_configured' });
});

test('the fleet: needs first, then counts, places and limits', async () => {
  desk.yard.needed.push({ what: 'no agent can take it', where: 'shop/deploy', next: 'configure one' });
  await desk.yard.store.hold(
    { of: 'project', project: desk.ref('build').project },
    { kind: 'pause', reason: 'lunch' },
    { by: 'owner' },
  );
  const answer = await desk.call('fleet_status');
  expect(Object.keys(answer)[0]).toBe('needs');
  expect(answer).toMatchObject({
    needs: [{ where: 'shop/deploy' }],
    counts: { queued: 1 },
    agents: [{ id: 'worker', status: 'available', load: 0, max: 1, can: ['lint'] }],
    providers: [{ id: 'gpu', ai: ['gemini'], is_default: true }],
    paused: { all: false, projects: ['shop'] },
    converged: true,
    limits: { max_depth: 2, children: false, headless_max_running: 2 },
    version: '0.0.0',
  });
});

test('the fleet shows what may be spent only where something is limited or used, and to no attempt', async () => {
  expect(await desk.call('fleet_status')).not.toHaveProperty('allowance');
  const resets_at = Date.UTC(2026, 0, 2);
  desk.yard.allowances.push({
    ...{ of: 'agent', name: 'gpu', state: 'warning' },
    limits: [{ what: 'daily_jobs', used: 8, limit: 10, remaining: 2, resets_at, state: 'warning' }],
  });
  expect(await desk.call('fleet_status')).toMatchObject({
    allowance: [
      {
        ...{ of: 'agent', name: 'gpu', state: 'warning' },
        limits: [{ what: 'daily_jobs', used: 8, limit: 10, remaining: 2, resets_at: '2026-01-02T00:00:00.000Z' }],
      },
    ],
  });
});
