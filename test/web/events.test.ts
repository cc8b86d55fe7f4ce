import { afterEach, expect, test, vi } from 'vitest';
import { FEED_LIMITS } from '../../src/web/events/feed.ts';
import { until } from '../support/world.ts';
import { Stream } from './stream.ts';
import { World } from './world.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const shell = (script: string) => ['sh', '-c', script, 'agent', '{prompt_file}'];
const agents = { echo: { command: shell('cat "$1"') }, wait: { command: shell('sleep 60') } };
const LATER = { not_before: '2099-01-01T00:00:00Z' };

let world: World;
const streams: Stream[] = [];
afterEach(async () => {
  for (const stream of streams.splice(0)) stream.close();
  await world.end();
});

async function open(path?: string, headers?: Record<string, string>): Promise<Stream> {
  const stream = await Stream.open(world.port, path, headers);
  streams.push(stream);
  return stream;
}

async function enqueue(project: string, ids: readonly string[], more: object = LATER): Promise<void> {
  for (let at = 0; at < ids.length; at += 200) {
    const tasks = ids.slice(at, at + 200).map((id) => ({ id, body: `Do ${id}.\nAs told in private.`, ...more }));
    expect((await world.post('/api/v1/tasks', { project, tasks })).status).toBe(200);
  }
}

test('first where things stand, then what happens, with the numbers of the journal', async () => {
  world = await new World({ agents }).start();
  const project = world.project('shop');
  await enqueue(project, ['later']);
  const stream = await open();
  const { id, data } = await stream.has(({ event }) => event === 'snapshot');
  expect(data).toMatchObject({ seq: id, counts: { queued: 1 }, tasks: [{ id: 'later', state: 'queued' }], needs: [] });
  expect(data.sessions).toHaveLength(2);
  expect(data.reset).toBeUndefined();

  await enqueue(project, ['now'], { agent: 'echo' });
  await stream.has(({ data: { events } }) => events?.some(({ type }) => type === 'task_completed') === true);
  expect(stream.events.map(({ type }) => type)).toEqual([
    'task_queued',
    'task_claimed',
    'task_dispatched',
    'task_completed',
  ]);
  expect(stream.events[3]).toMatchObject({
    project: 'shop',
    task: 'now',
    attempt: 1,
    verified: 'unverified',
    agent: 'echo',
  });
  expect(stream.messages.map((one) => one.id)).toEqual([id, id + 1, id + 2, id + 3, id + 4]);
  // Neither an attempt's token, nor a prompt, nor a result leaves this way.
  const text = JSON.stringify(stream.messages);
  expect(text).not.toMatch(/token|in private|"bytes"/);
});

test('Last-Event-ID goes on without a gap, over a restart of the runtime', async () => {
  world = await new World({ agents }).start();
  const project = world.project('shop');
  const first = await open();
  await first.has(({ event }) => event === 'snapshot');
  await enqueue(project, ['one']);
  await first.has(({ data: { events } }) => events?.some(({ task }) => task === 'one') === true);
  const seen = first.last?.id ?? 0;
  await world.restart();
  await until(() => first.closed); // streams are ended, not left hanging
  await enqueue(project, ['two']);

  const again = await open('/api/v1/events?after=0', { 'last-event-id': String(seen) }); // the header is newer
  await again.has(({ data: { events } }) => events?.some(({ task }) => task === 'two') === true);
  await enqueue(project, ['three']);
  await again.has(({ data: { events } }) => events?.some(({ task }) => task === 'three') === true);
  expect(again.messages.every(({ event }) => event === 'change')).toBe(true);
  expect(again.messages.map(({ id }) => id)).toEqual(again.messages.map((_, at) => seen + 1 + at));

  const whole = await open('/api/v1/events?after=0');
  await whole.has(({ data: { events } }) => events?.some(({ task }) => task === 'three') === true);
  expect(whole.events.flatMap(({ type, task }) => (type === 'task_queued' ? [task] : []))).toEqual([
    'one',
    'two',
    'three',
  ]);
});

test('where it can not go on, a fresh snapshot says why', async () => {
  world = await new World({ agents }).start();
  await enqueue(world.project('shop'), ['one']);
  const reset = async (headers: Record<string, string>) => {
    const stream = await open('/api/v1/events', headers);
    return (await stream.has(({ event }) => event === 'snapshot')).data;
  };
  expect(await reset({ 'last-event-id': '999999' })).toMatchObject({ reset: expect.stringContaining('ends at') });
  expect(await reset({ 'last-event-id': 'abc' })).toMatchObject({ tasks: [{ id: 'one' }], reset: expect.any(String) });
  for (const path of ['/api/v1/events?after=-1', '/api/v1/events?after=x', '/api/v1/events?before=1'])
    expect(await world.get(path)).toMatchObject({ status: 400, json: { code: 'invalid' } });
});

test('what the journal does not keep any more is not promised', async () => {
  world = await new World({ agents, journal: { segment_bytes: 4_096 } }).start();
  const ids = Array.from({ length: 60 }, (_, at) => `task-${at}`);
  await enqueue(world.project('shop'), ids);
  for (const id of ids) await world.post(`/api/v1/tasks/shop/${id}/cancel`);
  await world.restart(); // the end of a runtime clears away what is not needed
  const { oldest, newest } = world.runtime.yard.span();
  expect(oldest).toBeGreaterThan(1);
  const pruned = await open('/api/v1/events?after=0');
  expect(await pruned.has(({ event }) => event === 'snapshot')).toMatchObject({
    data: { seq: newest, reset: `records before ${oldest} are not kept any more`, counts: { cancelled: 60 } },
  });
});

test('a hole in the journal that only reading finds is counted, and a snapshot follows', async () => {
  const hole = new Set([3, 4, 5]);
  world = await new World({ agents }, undefined, (yard) => ({
    async *records(after) {
      for await (const record of yard.records(after)) if (!hole.has(record.seq)) yield record;
    },
  })).start();
  for (let at = 0; at < 8; at++) await enqueue(world.project('shop'), [`task-${at}`]);
  const { newest } = world.runtime.yard.span();
  const stream = await open('/api/v1/events?after=0');
  await stream.has(({ event }) => event === 'snapshot');
  expect(stream.messages.map(({ id, event }) => `${id} ${event}`)).toEqual([
    '1 change',
    '2 change',
    '5 gap',
    `${newest} snapshot`,
  ]);
  expect(stream.messages[2]?.data).toMatchObject({ missed: 3, from: 3, to: 5 });
});

/** Ten thousand events, 20 MB: more than the kernel takes for a reader that does not read. */
async function flood(): Promise<string[]> {
  const { store } = world.runtime.yard;
  const all = Array.from({ length: 10_000 }, (_, at) => `${at} `.padEnd(2_000, '-'));
  await Promise.all(all.map((message) => store.note('test', message)));
  return all;
}

const told = (stream: Stream) => stream.events.map(({ message }) => message);
const journal = { segment_bytes: 67_108_864 }; // all of it is kept

test('ten thousand events pass by a quick reader and one that stops for a while: no gap, and memory stays flat', async () => {
  world = await new World(
    { agents, journal },
    { ...FEED_LIMITS, keptBytes: 200_000, beatMs: 50, patience: 1_000 },
  ).start();
  const [quick, stopper] = [await open(), await open()];
  for (const one of [quick, stopper]) await one.has(({ event }) => event === 'snapshot');
  stopper.pause();
  const all = await flood();
  await until(() => quick.changes === all.length);
  expect(world.streams.some(({ writableNeedDrain }) => writableNeedDrain)).toBe(true);
  for (const response of world.streams) expect(response.writableLength).toBeLessThan(200_000);
  stopper.resume();
  await until(() => stopper.changes === all.length);
  for (const one of [quick, stopper]) {
    expect(told(one)).toEqual(all);
    expect(one.messages.filter(({ event }) => event !== 'change')).toHaveLength(1); // the first snapshot
    expect(one.messages.map(({ id }) => id)).toEqual(one.messages.map((_, at) => at));
  }
  await until(() => quick.comments > 0);
});

test('a reader that takes nothing any more is cut off, and comes back with the number of its last event', async () => {
  world = await new World(
    { agents, journal },
    { ...FEED_LIMITS, keptBytes: 200_000, beatMs: 50, patience: 40 },
  ).start();
  const stuck = await open();
  await stuck.has(({ event }) => event === 'snapshot');
  stuck.pause();
  const all = await flood();
  await until(() => world.open === 0);
  stuck.resume();
  await until(() => stuck.closed);
  expect(stuck.changes).toBeLessThan(all.length);
  const back = await open('/api/v1/events', { 'last-event-id': String(stuck.last?.id) });
  await until(() => back.changes + stuck.changes === all.length);
  expect([...told(stuck), ...told(back)]).toEqual(all);
});

test('an attempt hears of its own project alone; too many streams are refused with a time to come back', async () => {
  world = await new World({ agents, dispatcher: {} }, { ...FEED_LIMITS, maxReaders: 2 }).start();
  const [mine, other] = [world.project('mine'), world.project('other')];
  await enqueue(other, ['secret']);
  await enqueue(mine, ['worker'], { agent: 'wait' });
  await until(() => [...world.runtime.yard.store.open().values()].some(({ state }) => state === 'running'));
  const stream = await open('/api/v1/events', { authorization: `Bearer ${world.token('worker')}` });
  const { data } = await stream.has(({ event }) => event === 'snapshot');
  expect(data.tasks).toMatchObject([{ id: 'worker' }]);
  expect(data.counts).toEqual({ running: 1 });
  await enqueue(other, ['secret-too']);
  await enqueue(mine, ['sibling']);
  await stream.has(({ data: { events } }) => events?.some(({ task }) => task === 'sibling') === true);
  expect(JSON.stringify(stream.messages)).not.toContain('secret');

  await open();
  expect(await world.get('/api/v1/events')).toMatchObject({ status: 503, headers: { 'retry-after': '15' } });
  stream.close();
  await until(() => world.open === 1);
  await open();
});
