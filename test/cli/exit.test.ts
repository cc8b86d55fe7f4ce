import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Answer, refusal, tool, World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await World.make();
});
afterEach(() => world.end());

const states =
  (...given: string[]): Answer =>
  () =>
    tool({
      tasks: given.map((state, n) => ({
        id: `t${n}`,
        project: 'shop',
        state,
        title: 'x',
        queued_at: '2026-11-21T11:00:00Z',
      })),
      counts: Object.fromEntries(given.map((state) => [state, given.filter((one) => one === state).length])),
      all_ended: given.every((state) => state !== 'running'),
    });

test.each<[string, Answer, string, number]>([
  ['all done', states('done', 'done'), 'wait shop/a shop/b', 0],
  ['one failed', states('done', 'failed'), 'wait shop/a shop/b', 1],
  ['one was cancelled', states('cancelled'), 'wait shop/a', 1],
  ['any: one done, one still runs', states('done', 'running'), 'wait shop/a shop/b --any', 0],
  ['any: the first that ended failed', states('failed', 'running'), 'wait shop/a shop/b --any', 1],
  ['time is up', states('running'), 'wait shop/a --timeout 0', 1],
  ['a refusal', () => refusal('there is no task "a"', 'list_tasks shows what there is'), 'show shop/a', 1],
  ['a caller without the right', () => ({ error: { code: -32010, message: 'an attempt may not' } }), 'events', 1],
  [
    'a refusal of what is no tool',
    () => ({
      error: { code: -32600, message: 'outside the allowed roots', data: { code: 'not_allowed', hint: 'add it' } },
    }),
    'import /srv',
    1,
  ],
  ['wrong arguments', () => ({ error: { code: -32602, message: 'limit is too large' } }), 'events', 2],
  ['an unknown command', states(), 'enqeue x', 2],
  ['an unknown option', states(), 'list --nope', 2],
  ['a wrong number', states(), 'list --limit many', 2],
  ['a wrong duration', states(), 'list --since yesterday', 2],
  ['nothing to enqueue', states(), 'enqueue -p shop', 2],
  ['a file that is not there', states(), 'enqueue -p shop -f gone.md', 2],
  ['no project around', states(), 'enqueue x', 2],
  ['tasks of two projects', states(), 'wait shop/a yard/b', 2],
  ['a server that knows nothing', () => ({ error: { code: -32601, message: 'method not found' } }), 'list', 3],
  ['an answer without structure', () => ({ result: { content: [] } }), 'list', 3],
  ['the help', states(), '--help', 0],
  ['the version', states(), '--version', 0],
  ['serve ends with its own code', states(), 'serve', 75],
])('%s', async (_, answer, line, code) => {
  world.runtime.answer = answer;
  expect((await world.yardmaster(line.split(' '))).code).toBe(code);
});

test('an empty .git makes no project of a folder', async () => {
  mkdirSync(join(world.dir, '.git'));
  expect((await world.yardmaster(['enqueue', 'x'])).code).toBe(2);
});

test('wait asks again until everything has ended', async () => {
  let turn = 0;
  world.runtime.answer = (call, socket) => states(++turn < 3 ? 'running' : 'done')(call, socket);
  expect((await world.yardmaster(['wait', 'shop/a'])).code).toBe(0);
  expect(world.runtime.calls).toHaveLength(3);
});

test('a refusal says what happened and what to do next; --json prints what came', async () => {
  world.runtime.answer = () => refusal('there is no task "a"', 'list_tasks shows what there is');
  const people = await world.yardmaster(['show', 'shop/a']);
  expect(people.err).toBe('yardmaster: there is no task "a"\n  `yardmaster list` shows what there is\n');
  const json = await world.yardmaster(['show', 'shop/a', '--json']);
  expect(JSON.parse(json.out)).toMatchObject({ code: 'not_found', message: 'there is no task "a"' });
});

test('some of many refused: all are shown, the exit code says it', async () => {
  world.runtime.answer = () =>
    tool({
      tasks: [
        { id: 'a', project: 'shop', state: 'queued', created: true },
        { error: { code: 'id_taken', message: 'id taken', hint: 'use another' } },
      ],
    });
  const said = await world.yardmaster(['enqueue', '-p', 'shop', '-f', '-', '-']);
  expect(said.code).toBe(1);
  expect(said.out).toBe('shop/a  queued\nrefused  id taken\n  use another\n');
});
