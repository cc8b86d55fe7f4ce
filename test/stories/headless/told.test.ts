import { afterEach, expect, test, vi } from 'vitest';
import { until } from '../../support/world.ts';
import { Stream } from '../../web/stream.ts';
import { HeadlessWorld } from './world.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

/* What happens to real tasks, as a stream and a terminal are told it. */

let world: HeadlessWorld;
let stream: Stream | undefined;
afterEach(async () => {
  stream?.close();
  await world.end();
});

interface Line {
  readonly id: string;
  readonly type: string;
  readonly task?: string;
  readonly by: string;
}

const WAY = ['task_queued', 'task_claimed', 'task_dispatched', 'task_completed', 'usage_recorded'];

test('the way of a task, what it took and its dead letter are told alike by the stream and the terminal', async () => {
  world = new HeadlessWorld({ http: { port: 0 }, retry: { max_attempts: 1 } });
  const project = world.project('shop');
  const client = await world.connect();
  await client.enqueue(project, 'x', { id: 'later', not_before: '2099-01-01T00:00:00Z' });
  const url = () => /"url":"http:[^"]+:(\d+)"/.exec(world.read(world.home, 'logs', 'runtime.log'));
  await until(() => url() !== null);
  const authorization = `Bearer ${world.read(world.home, 'token').trim()}`;
  stream = await Stream.open(Number(url()?.[1]), '/api/v1/events', { authorization });
  const told = stream;
  await told.has(({ event }) => event === 'snapshot');
  const follow = world.spawn(['events', '-f', '-n', '1', '--json']);
  let said = '';
  follow.stdout?.on('data', (chunk: Buffer) => {
    said += chunk;
  });
  await until(() => said.includes('\n'));

  await client.enqueue(project, '[[say:It is built.]]', { id: 'good', title: 'Build it' });
  await client.ended(project, 'good');
  await client.enqueue(project, '[[exit:3]]', { id: 'bad' });
  expect(await client.ended(project, 'bad')).toMatchObject({ state: 'failed' });
  await client.enqueue(project, 'x', { id: 'odd', requires: ['moon'] });
  await client.enqueue(project, 'x', { id: 'odd-too', requires: ['moon'] });
  await until(() => told.events.some(({ type }) => type === 'dispatch_failed_no_agent'));

  const of = (lines: readonly { type: string; task?: string }[], id: string) =>
    lines.flatMap(({ type, task }) => (task === id ? [type] : []));
  expect(of(told.events, 'good')).toEqual(WAY);
  expect(of(told.events, 'bad').at(-1)).toBe('task_dead_lettered');
  expect(of(told.events, 'bad')).toContain('task_failed');
  const usage = told.events.find(({ type, task }) => type === 'usage_recorded' && task === 'good');
  expect(usage).toMatchObject({ project: 'shop', agent: 'claude', end: 'completed', tokens: expect.any(Number) });
  expect(usage).toMatchObject({ cost: expect.any(Number), currency: 'USD', attempt: 1 });
  expect(told.events.filter(({ type }) => type === 'dispatch_failed_no_agent').length).toBeLessThanOrEqual(2);

  const lines = () => said.split('\n').flatMap((line) => (line.endsWith('}') ? [JSON.parse(line) as Line] : []));
  await until(() => lines().some(({ type }) => type === 'dispatch_failed_no_agent'));
  follow.kill('SIGTERM');
  expect(of(lines(), 'good')).toEqual(WAY);
  const ids = new Set(told.events.map(({ id }) => id));
  for (const { id, task } of lines()) if (task !== undefined && task !== 'later') expect(ids).toContain(id);
  expect(await world.told<Line>('task_dead_lettered,dispatch_*')).toMatchObject([
    { task: 'bad' },
    { by: 'dispatcher' },
  ]);
  expect(JSON.stringify(lines())).not.toContain('It is built');
});
