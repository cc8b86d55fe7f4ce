import { afterEach, expect, test } from 'vitest';
import { World } from './world.ts';

let world: World;
afterEach(() => world.end());

test('a bug is answered with what failed and what to do, and its stack is in the log alone', async () => {
  world = await new World({}, undefined, () => ({
    fleet: () => {
      throw new Error('a bug');
    },
  })).start();
  const answer = await world.get('/api/v1/fleet');
  expect(answer).toMatchObject({
    status: 503,
    json: { code: 'unavailable', message: 'GET /api/v1/fleet failed: a bug' },
  });
  expect(answer.headers['retry-after']).toBe('5');
  expect(answer.text).not.toContain('at ');
  expect(JSON.stringify(world.said)).toContain('failure.test.ts');
  expect((await world.get('/api/v1/tasks')).status).toBe(200);
});

test('a wait ends when the runtime stops: the answer says that the task goes on', async () => {
  world = await new World().start();
  const project = world.project('shop');
  await world.post('/api/v1/tasks', { project, id: 'later', body: 'x' });
  const waiting = world.get('/api/v1/tasks/shop/later?wait_seconds=40');
  await world.get('/api/v1/fleet'); // it came after the wait
  world.stopping();
  expect((await waiting).json).toMatchObject({ timed_out: true, tasks: [{ state: 'queued' }] });
});

test('a full queue is too many requests, and says when to come back', async () => {
  world = await new World({ limits: { max_open_tasks: 1 } }).start();
  const project = world.project('shop');
  expect((await world.post('/api/v1/tasks', { project, id: 'one', body: 'x' })).status).toBe(201);
  const answer = await world.post('/api/v1/tasks', { project, id: 'two', body: 'x' });
  expect(answer).toMatchObject({ status: 429, json: { code: 'full' } });
  expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
});
