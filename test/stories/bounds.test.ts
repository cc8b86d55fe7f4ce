import { expect, test } from 'vitest';
import { type Settings, shell, World } from './world.ts';

test('below the configured room on the disk nothing is taken, and why is said', async () => {
  const world = new World({ agents: { echo: { command: shell('cat "$1"') } }, limits: { min_free_bytes: 1e15 } });
  const client = await world.connect();
  const project = world.project('narrow');
  const answer = await client.call('enqueue_task', { project, body: 'x' });
  expect(answer.content[0]?.text).toMatch(/"code":"full".*limits\.min_free_bytes/);
  expect(await client.ask('list_tasks', { project })).toMatchObject({ tasks: [] });
  await world.end();
});

test('tasks that wait for the same missing agent are one line among what needs a person', async () => {
  const world = new World({ agents: { claude: { program: ['/nowhere/claude'] } } } as Settings);
  const client = await world.connect();
  const project = world.project('nobody');
  await client.ask('enqueue_task', { project, tasks: ['a', 'b', 'c'].map((id) => ({ id, body: id })) });
  const { needs } = await client.ask<{ needs: { what: string }[] }>('fleet_status', {});
  expect(needs.map(({ what }) => what)).toEqual([
    expect.stringMatching(/^no agent can ever take task a and 2 more: claude is offline .*yardmaster doctor/),
  ]);
  await world.end();
});

test('cancelling twice says the same twice', async () => {
  const world = new World({});
  const client = await world.connect();
  const project = world.project('twice');
  await client.ask('enqueue_task', { project, id: 'gone', body: 'x' });
  const first = await client.ask('cancel_task', { project, id: 'gone' });
  expect(first).toMatchObject({ state: 'cancelled' });
  expect(await client.ask('cancel_task', { project, id: 'gone' })).toMatchObject({ state: 'cancelled' });
  await world.end();
});
