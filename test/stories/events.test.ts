import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../support/world.ts';
import { Stream } from '../web/stream.ts';
import { type Client, shell, World } from './world.ts';

const world = new World({ http: { port: 0 }, agents: { echo: { command: shell('cat "$1"'), max: 2 } } });
const streams: Stream[] = [];
let client: Client;

beforeAll(async () => {
  client = await world.connect();
});
afterAll(async () => {
  for (const stream of streams) stream.close();
  await world.end();
});

/** The address of the runtime that lives now, which is the newest that the log names. */
async function port(runtimes: number): Promise<number> {
  const named = () => [...world.read(world.home, 'logs', 'runtime.log').matchAll(/"url":"http:[^"]+:(\d+)"/g)];
  await until(() => named().length === runtimes);
  return Number(named().at(-1)?.[1]);
}

async function follow(runtimes: number, headers: Record<string, string> = {}): Promise<Stream> {
  const there = await port(runtimes); // it is open, so its token is on disk
  const token = world.read(world.home, 'token').trim();
  const stream = await Stream.open(there, '/api/v1/events', { authorization: `Bearer ${token}`, ...headers });
  streams.push(stream);
  return stream;
}

const finished = (stream: Stream, id: string) => () =>
  stream.events.some((event) => event.type === 'task_completed' && event.task === id);

test('a runtime is killed and the next one goes on behind Last-Event-ID: every record once, in order', async () => {
  const project = world.project('shop');
  const first = await follow(1);
  await first.has(({ event }) => event === 'snapshot');
  await client.enqueue(project, 'one', { id: 'one' });
  await until(finished(first, 'one'));
  const seen = first.last?.id ?? 0;

  await world.endRuntime('SIGKILL');
  await until(() => first.closed);
  await client.enqueue(project, 'two', { id: 'two' }); // the bridge starts the next runtime
  await client.ended(project, 'two');
  const again = await follow(2, { 'last-event-id': String(seen) });
  await until(finished(again, 'two'));
  expect(again.messages.map(({ event, id }) => `${event} ${id}`)).toEqual(
    again.messages.map((_, at) => `change ${seen + 1 + at}`),
  );
  expect(again.events.filter(({ task, type }) => task === 'two' && type === 'task_queued')).toHaveLength(1);
});
