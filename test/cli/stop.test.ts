import { afterEach, beforeEach, expect, test } from 'vitest';
import { NOW, World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await World.make();
});
afterEach(() => world.end());

const run = (name: string) => ({ name, agent: 'bot', attempt: 1, since: NOW - 120_000 });

function windingDown(names: string[], more: object = {}) {
  const state = { until: NOW + 45_000, kill: false, ending: false, over: false, runs: names.map(run), ...more };
  return { result: { winding_down: state } };
}

test('stop says what is waited for each time that it changes, and what is left', async () => {
  const states = [windingDown(['shop/b']), windingDown(['shop/b'], { over: true })];
  world.runtime.answer = ({ method }, socket) => {
    if (method === 'yardmaster/shutdown') return windingDown(['shop/a', 'shop/b']);
    if (method !== 'yardmaster/stopping') return { result: {} };
    if (states.length === 1) setImmediate(() => socket.destroy());
    return states.shift();
  };
  expect(await world.yardmaster(['stop'])).toMatchObject({
    code: 0,
    out: `waits for up to 45s for 2 runs; what has not ended then is left to the next runtime
  shop/a  bot, 2m
  shop/b  bot, 2m
waits for up to 45s for one run; what has not ended then is left to the next runtime
  shop/b  bot, 2m
the runtime has stopped; shop/b goes on, and is found again at the next start
`,
  });
});

test('an answer of a chat ends with the runtime, and is not said to go on', async () => {
  const chat = { ...run('shop/talk'), begins_again: true };
  const over = windingDown([], { over: true, runs: [run('shop/b'), chat] });
  world.runtime.answer = ({ method }, socket) => {
    if (method === 'yardmaster/shutdown') return windingDown(['shop/b']);
    if (method !== 'yardmaster/stopping') return { result: {} };
    setImmediate(() => socket.destroy());
    return over;
  };
  expect((await world.yardmaster(['stop'])).out).toContain(
    'the runtime has stopped; shop/b goes on, and is found again at the next start; shop/talk begins again at the next start\n',
  );
});

test('stop --now --kill says so to the runtime', async () => {
  world.runtime.answer = (_, socket) => {
    setImmediate(() => socket.destroy());
    return { result: {} };
  };
  expect(await world.yardmaster(['stop', '--now', '--kill'])).toMatchObject({ code: 0 });
  expect(world.runtime.calls.at(-1)).toMatchObject({
    method: 'yardmaster/shutdown',
    params: { now: true, kill: true },
  });
});

const orphan = {
  ...{ pid: 4711, start: '99', begun_at: new Date(NOW - 3_600_000).toISOString(), command: 'npm run dev' },
  ...{ project: 'shop', task: 'a', attempt: 1, why: 'the task is failed', kept: false },
};

test('orphans are ended as they were listed, after a yes', async () => {
  world.runtime.answer = ({ method }) =>
    method === 'yardmaster/orphans'
      ? { result: { seen: true, orphans: [orphan, { ...orphan, pid: 4712, kept: true }] } }
      : { result: { ended: [orphan], left: [] } };
  const asked: string[] = [];
  const ask = async (question: string) => {
    asked.push(question);
    return asked.length === 1 ? 'n' : 'y';
  };
  expect(await world.yardmaster(['orphans', 'end'], { ask })).toMatchObject({ code: 1 });
  expect(world.runtime.calls.map(({ method }) => method)).toEqual(['yardmaster/orphans']);
  const said = await world.yardmaster(['orphans', 'end'], { ask });
  expect(said.out).toMatch(/4711 +1h +shop\/a +1 +npm run dev +the task is failed/);
  expect(said.out).toContain('ended 4711  npm run dev\n');
  expect(asked).toEqual(['end it? [y/N] ', 'end it? [y/N] ']);
  expect(world.runtime.calls.at(-1)?.params).toEqual({ those: [{ pid: 4711, start: '99' }] });
});

test('audit goes on page after page until it has as many as were asked for', async () => {
  const entry = (seq: number) => ({
    seq,
    at: new Date(NOW).toISOString(),
    type: 'task_released',
    by: 'owner',
    id: `${seq}.1`,
    task: `t${seq}`,
  });
  world.runtime.answer = ({ params }) => ({
    result:
      params.from === undefined
        ? { entries: [entry(9), entry(8)], next: 8, newest: 9 }
        : { entries: [entry(7)], newest: 9 },
  });
  const said = await world.yardmaster(['audit', '-n', '3', '--task', 'shop/fix', '--since', '1h']);
  expect(said.out.match(/t\d/g)).toEqual(['t9', 't8', 't7']);
  expect(world.runtime.calls.map(({ params }) => params)).toEqual([
    { task: 'fix', project: 'shop', since: NOW - 3_600_000, order: 'newest', limit: 3 },
    { task: 'fix', project: 'shop', since: NOW - 3_600_000, order: 'newest', limit: 1, from: 8 },
  ]);
  expect(await world.yardmaster(['audit', '--follow', '--until', '1h'])).toMatchObject({ code: 2 });
});
