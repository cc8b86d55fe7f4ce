import { beforeEach, expect, test } from 'vitest';
import type { FleetProvider } from '../../src/runtime/model/fleet.ts';
import { refuse } from '../../src/runtime/model/refusal.ts';
import { Desk } from './desk.ts';

let desk: Desk;
beforeEach(async () => {
  desk = new Desk();
  await desk.enqueue('build');
});

const gpu = (more: Partial<FleetProvider>) => {
  desk.yard.providers[0] = { id: 'gpu', ai: ['gemini'], status: 'available', load: 0, max: 0, ...more };
};
const UNTIL = Date.UTC(2026, 11, 1, 9);
const open = () => [...desk.yard.store.open().values()].map(({ id, state }) => `${id} ${state}`);

test.each([
  [{ needs_claude_code: true }, 'needs_claude_code'],
  [{ allow_delegation: false }, 'allow_delegation'],
  [{ preferred_ai: 'claude-code' }, 'preferred_ai: claude-code'],
  [{ agent: 'worker' }, 'agent: worker'],
  [{ mode: 'session' }, 'mode: session'],
  [{ permission_mode: 'plan' }, "can't keep permission_mode"],
])('a task with %j stays, and stays as it is', async (keys, why) => {
  await desk.enqueue('kept', keys);
  expect(await desk.refusal('delegate', { id: 'kept' })).toMatchObject({
    code: 'not_allowed',
    message: expect.stringContaining(why),
    hint: expect.stringContaining('nothing was changed'),
  });
  expect(open()).toEqual(['build queued', 'kept queued']);
  expect(desk.yard.sent).toEqual([]);
});

test('a task that is live, ended or of somebody unknown is not handed over', async () => {
  await desk.run(desk.ref('build'));
  expect(await desk.refusal('delegate', { id: 'build' })).toMatchObject({
    code: 'not_possible',
    message: expect.stringContaining('is running'),
  });
  await desk.enqueue('over');
  await desk.finish(desk.ref('over'));
  expect(await desk.refusal('delegate', { id: 'over' })).toMatchObject({ message: expect.stringContaining('is done') });
  expect(await desk.refusal('delegate', { id: 'nobody' })).toMatchObject({ code: 'not_found' });
});

test('an existing task whose provider is away or full is refused with the time, and waits on', async () => {
  gpu({ status: 'offline', detail: 'it did not answer 5 times', until: UNTIL });
  expect(await desk.refusal('delegate', { id: 'build' })).toMatchObject({
    code: 'not_possible',
    message: expect.stringMatching(/did not answer 5 times.*until 2026-12-01T09:00:00.000Z/),
  });
  gpu({ load: 3, max: 3 });
  expect(await desk.refusal('delegate', { id: 'build' })).toMatchObject({
    message: expect.stringContaining('3 of 3 jobs'),
  });
  expect(open()).toEqual(['build queued']);
});

test('a new prompt waits where its provider is away, and the answer says so', async () => {
  gpu({ status: 'offline', detail: 'it did not answer 5 times', until: UNTIL });
  const answer = await desk.call('delegate', { project: 'shop', body: 'Think.', provider: 'gemini' });
  expect(answer).toMatchObject({
    state: 'queued',
    provider: 'gpu',
    ai: 'gemini',
    waiting: { reason: 'no_free_agent', until: '2026-12-01T09:00:00.000Z' },
  });
  expect(answer).toMatchObject({ waiting: { detail: expect.stringContaining('did not answer') } });
});

test('a new prompt that could never go is refused before anything is stored', async () => {
  const verify = { project: 'shop', body: 'Mend it.', verify: 'npm test' };
  expect(await desk.refusal('delegate', verify)).toMatchObject({
    message: expect.stringContaining("can't keep verify"),
    hint: expect.stringContaining('apply: worktree'),
  });
  expect(open()).toEqual(['build queued']);
  const whole = { ...verify, apply: 'worktree', include: ['src/**', '!src/old/**'], result_schema: { type: 'object' } };
  const { id } = await desk.call('delegate', whole);
  expect(await desk.yard.store.get(desk.ref(String(id)))).toMatchObject({
    spec: { apply: 'worktree', verify: 'npm test', include: ['src/**', '!src/old/**'], preferred_ai: 'auto' },
  });
});

test("what can't be packed is refused with its reason, and neither claimed nor stored", async () => {
  const secret = refuse('not_allowed', 'include: .env:3 holds what looks like a key (aws)', 'leave it out with !.env');
  desk.yard.unpackable = secret;
  await desk.enqueue('shown', { include: ['**'] });
  expect(await desk.refusal('delegate', { id: 'shown' })).toEqual(secret);
  expect(await desk.refusal('delegate', { project: 'shop', body: 'Think.', include: ['**'] })).toEqual(secret);
  expect(open()).toEqual(['build queued', 'shown queued']);
});

test('with local_only nothing is handed over and nothing new is taken for it', async () => {
  const home = new Desk({ local_only: true });
  expect(await home.refusal('delegate', { project: 'shop', body: 'Think.' })).toMatchObject({
    code: 'not_allowed',
    message: expect.stringContaining('local_only'),
  });
  expect(home.yard.store.open().size).toBe(0);
});

test('a call that is sent again gets the same handle, also when its task has ended meanwhile', async () => {
  const first = await desk.call('delegate', { id: 'build', provider: 'gemini' }, { call: 'bridge:7' });
  expect(first).toMatchObject({ id: 'build', provider: 'gpu', state: 'claimed' });
  expect(await desk.call('delegate', { id: 'build', provider: 'gemini' }, { call: 'bridge:7' })).toEqual(first);
  const task = desk.yard.store.open().get(`${desk.ref('build').project}/build`);
  if (task?.state !== 'claimed') throw new Error('it was claimed');
  const lease = { task: desk.ref('build'), attempt: 1, epoch: desk.yard.store.epoch, token: task.token };
  await desk.yard.store.end(lease, { kind: 'finished', outcome: { state: 'done', result: 'yes' } });
  expect(await desk.call('delegate', { id: 'build', provider: 'gemini' }, { call: 'bridge:7' })).toMatchObject({
    id: 'build',
    state: 'done',
  });
  expect(await desk.refusal('delegate', { id: 'build' }, { call: 'bridge:8' })).toMatchObject({ code: 'not_possible' });
  expect(desk.yard.sent).toEqual(['build']);
});

test('a new prompt that is sent again makes no second task, though its provider went away', async () => {
  const given = { project: 'shop', body: 'Think.' };
  const first = await desk.call('delegate', given, { call: 'bridge:9' });
  gpu({ status: 'offline' });
  expect(await desk.call('delegate', given, { call: 'bridge:9' })).toMatchObject({ id: first.id, provider: 'gpu' });
  expect(desk.yard.store.open().size).toBe(2);
});
