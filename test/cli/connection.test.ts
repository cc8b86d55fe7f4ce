import { afterEach, beforeEach, expect, test } from 'vitest';
import { tool, World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await World.make({ running: false });
});
afterEach(() => world.end());

test('the runtime is started where none runs', async () => {
  world.runtime.answer = () => tool({ tasks: [] });
  expect(await world.yardmaster(['list'])).toMatchObject({ code: 0, out: 'no tasks\n' });
  expect(world.starts).toBe(1);
});

test('it says hello with its bridge, its version and the token of the attempt', async () => {
  await world.yardmaster(['list'], { env: { YARDMASTER_ATTEMPT_TOKEN: 'secret' } });
  expect(world.runtime.hellos).toEqual([
    { bridge: expect.stringMatching(/^[0-9a-f-]{36}$/), person: true, version: '1.2.3', token: 'secret' },
  ]);
});

test('a connection that is lost in the middle: the same request goes out again under the same names', async () => {
  let turn = 0;
  world.runtime.answer = (_, socket) => {
    if (++turn === 1) return void socket.destroy();
    return tool({ id: 'a', project: 'shop', state: 'queued', created: true });
  };
  expect(await world.yardmaster(['enqueue', '-p', 'shop', 'x'])).toMatchObject({ code: 0, out: 'shop/a  queued\n' });
  const [first, second] = world.runtime.calls;
  expect(second).toEqual(first);
});

test('lost twice it gives up and says what is kept', async () => {
  world.runtime.answer = (_, socket) => void socket.destroy();
  const said = await world.yardmaster(['enqueue', '-p', 'shop', 'x']);
  expect(said).toMatchObject({ code: 3, err: expect.stringContaining('What it acknowledged is kept') });
  expect(world.runtime.calls).toHaveLength(2);
});

test('nonsense instead of JSON is said at once', async () => {
  world.runtime.answer = (_, socket) => void socket.write('HTTP/1.1 400 Bad Request\r\n');
  const said = await world.yardmaster(['list']);
  expect(said).toMatchObject({ code: 3, err: expect.stringContaining('not JSON-RPC') });
});

test('a runtime that asks is answered, and the answer in pieces is put together', async () => {
  world.runtime.answer = ({ id }, socket) => {
    socket.write(`${JSON.stringify({ jsonrpc: '2.0', id: 9, method: 'ping' })}\n`);
    const line = `${JSON.stringify({ jsonrpc: '2.0', id, ...tool({ tasks: [], note: 'é'.repeat(5_000) }) })}\n`;
    socket.write(line.slice(0, 3_000), () => setImmediate(() => socket.write(line.slice(3_000))));
    return undefined;
  };
  expect((await world.yardmaster(['list'])).code).toBe(0);
});

test('stop does not start anything, and waits for the end', async () => {
  expect(await world.yardmaster(['stop'])).toMatchObject({ code: 0, out: 'no runtime runs\n' });
  await world.start();
  world.runtime.answer = (_, socket) => {
    setImmediate(() => socket.destroy());
    return { result: {} };
  };
  expect(await world.yardmaster(['stop'])).toMatchObject({ code: 0, out: expect.stringMatching(/has stopped/) });
  expect(world.runtime.calls.map(({ method }) => method)).toEqual(['yardmaster/status', 'yardmaster/shutdown']);
  world.runtime.answer = () => ({ error: { code: -32010, message: 'an attempt may not stop the runtime' } });
  expect(await world.yardmaster(['stop'])).toMatchObject({ code: 1, err: expect.stringContaining('may not') });
});

test('start says whether it was needed', async () => {
  world.runtime.answer = () => ({ result: {} });
  expect((await world.yardmaster(['start'])).out).toMatch(/is started/);
  expect((await world.yardmaster(['start'])).out).toMatch(/runs already/);
  expect(world.starts).toBe(1);
});

test('a caller that is turned away is told why', async () => {
  world.runtime.turnAway = 'This token belongs to an attempt that has ended.';
  const said = await world.yardmaster(['list']);
  expect(said).toMatchObject({ code: 1, err: expect.stringContaining('an attempt that has ended') });
});
