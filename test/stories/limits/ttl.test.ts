import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Client, shell, World } from '../world.ts';

/* `ttl_seconds` is a minute at least, and so is this story. */

const world = new World({
  retry: { max_attempts: 1 },
  agents: { sleeper: { command: shell('grep -q ever "$1" && sleep 600; echo ended'), max: 0 } },
} as never);
let client: Client;

beforeAll(async () => {
  client = await world.connect();
});
afterAll(() => world.end());

test('ttl_seconds: what takes longer is ended, also by the next runtime', async () => {
  const project = world.project('shop');
  const more = { agent: 'sleeper', ttl_seconds: 60 };
  await client.enqueue(project, 'Shortly.', { id: 'short', ...more });
  expect(await client.ended(project, 'short')).toMatchObject({ state: 'done' });
  await client.enqueue(project, 'For ever.', { id: 'long', ...more });
  await client.state(project, 'long', 'running');
  await world.endRuntime('SIGKILL');
  expect(await client.ended(project, 'long')).toMatchObject({ state: 'running' });
  expect(await client.ended(project, 'long')).toMatchObject({ state: 'running' });
  expect(await client.ended(project, 'long')).toMatchObject({
    ...{ state: 'failed', error_class: 'timeout', attempts: 1 },
    reason: expect.stringContaining('longer than 60 s'),
  });
}, 120_000);
