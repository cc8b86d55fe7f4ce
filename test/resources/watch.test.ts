import { beforeEach, expect, test } from 'vitest';
import type { Listening } from '../../src/resources/audience.ts';
import { watchResources } from '../../src/resources/watch.ts';
import { Desk } from '../tools/desk.ts';

let desk: Desk;
let listening: Listening;
let heard: { uris: readonly string[]; lists: readonly string[] }[];
let stop: () => void;

beforeEach(async () => {
  desk = new Desk();
  await desk.enqueue('build');
  listening = 'resources';
  heard = [];
  stop = watchResources(
    desk.yard,
    (uris, lists = []) => heard.push({ uris, lists }),
    () => listening,
  );
});

const pass = (ms: number) => desk.yard.clock.advance(ms);
const uris = () => heard.flatMap((one) => one.uris);

test('a task that moves changes itself, where it was, where it is, and the newest events', async () => {
  await desk.finish(desk.ref('build'));
  await pass(0);
  expect(new Set(uris())).toEqual(
    new Set([
      ...['task://shop/build', 'events://recent'],
      ...['queue://inbox', 'queue://done', 'queue://shop/inbox', 'queue://shop/done'],
    ]),
  );
});

test('the session that works on it changes too', async () => {
  desk.yard.working.push({ name: 'worker-1', agent: 'worker', kind: 'command', state: 'idle' });
  desk.yard.working.push({ name: 'other-1', agent: 'other', kind: 'command', state: 'idle' });
  await desk.run(desk.ref('build'));
  await pass(0);
  expect(uris()).toContain('session://worker-1');
  expect(uris()).not.toContain('session://other-1');
});

test('a session changes with its tasks, and with what happens to it', async () => {
  desk.yard.sessions.add('shop-main');
  desk.yard.sessions.add('auto-1');
  const ref = desk.ref('build');
  await desk.yard.store.claim(ref, { to: 'agent', agent: 'shop-main', kind: 'session', rules: [] });
  await pass(0);
  expect(uris().filter((uri) => uri.startsWith('session:'))).toEqual(['session://shop-main']);
  heard = [];
  desk.yard.happen({ type: 'session_changed', session: 'auto-1', what: 'died' });
  const blocked = { ...ref, attempt: 1, session: 'shop-main', on: 'permission', detail: 'Bash' };
  desk.yard.happen({ type: 'task_blocked', ...blocked });
  desk.yard.happen({ type: 'noted', code: 'x', message: 'y' });
  await pass(150);
  expect(
    uris()
      .filter((uri) => uri.startsWith('session:'))
      .sort(),
  ).toEqual(['session://auto-1', 'session://shop-main']);
  expect(uris()).toContain('events://recent');
});

test('when clients need not ask their users any more, the list of tools has changed', async () => {
  listening = 'lists';
  Object.assign(desk.yard.config, { orchestrator_may_answer: ['Bash(git *)'] });
  await desk.enqueue('later');
  await pass(0);
  expect(heard).toEqual([{ uris: [], lists: ['tools'] }]);
});

test('no address is told twice within 150 ms, and the last change is not lost', async () => {
  for (const id of ['a', 'b', 'c']) {
    await desk.enqueue(id);
    await pass(20);
  }
  expect(heard).toHaveLength(1);
  expect(uris()).not.toContain('task://shop/c');
  await pass(150);
  expect(heard).toHaveLength(2);
  expect(uris()).toContain('task://shop/c');
  await pass(10_000);
  expect(heard).toHaveLength(2);
});

test('while nobody listens nothing is looked at', async () => {
  listening = 'nothing';
  await desk.enqueue('a');
  expect(desk.yard.clock.pending).toBe(0);
  listening = 'lists';
  await desk.enqueue('b');
  await pass(1_000);
  expect(heard).toEqual([]); // nobody subscribed, and no list changed
});

test('a project that is adopted changes the list of resources', async () => {
  listening = 'lists';
  await desk.enqueue('post', { project: 'blog' });
  await pass(150);
  expect(heard).toEqual([{ uris: [], lists: ['resources'] }]);
});

test('names of projects and tasks are encoded as the resources’ own addresses are', async () => {
  await desk.enqueue('a b', { project: 'my shop' });
  await pass(0);
  expect(uris()).toContain('task://my%20shop/a%20b');
  expect(uris()).toContain('queue://my%20shop/inbox');
});

test('a burst of thousands is told in one piece', async () => {
  for (let i = 0; i < 2_000; i += 1) await desk.enqueue(`t${i}`);
  await pass(0);
  expect(heard).toHaveLength(1);
  expect(uris()).toHaveLength(2_003);
});

test('it leaves no timer and no listener', async () => {
  await desk.enqueue('a');
  stop();
  expect(desk.yard.clock.pending).toBe(0);
  expect(desk.yard.store.listeners).toBe(0);
  expect(heard).toEqual([]);
});
