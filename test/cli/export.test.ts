import { afterEach, beforeEach, expect, test } from 'vitest';
import { World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await World.make();
});
afterEach(() => world.end());

const PAGES = 200;
const PAGE = 500;

test('a hundred thousand tasks go through page by page, no faster than they are taken', async () => {
  world.runtime.answer = ({ params }) => {
    const n = Number(params.cursor ?? 0);
    const tasks = Array.from({ length: PAGE }, (_, i) => ({ kind: 'task', id: `t${n * PAGE + i}` }));
    return { result: { tasks, ...(n + 1 < PAGES && { next: String(n + 1) }) } };
  };
  let lines = 0;
  let waiting = 0;
  const asked = () => world.runtime.calls.length;
  const { code } = await world.yardmaster(['export'], {
    out: (text) => {
      lines += text.split('\n').length - 1;
      waiting++;
    },
    drained: async () => {
      expect(asked()).toBe(lines / PAGE); // the next page is asked for when this one is gone
      waiting--;
    },
  });
  expect({ code, lines, waiting }).toEqual({ code: 0, lines: PAGES * PAGE, waiting: 0 });
});

test('a reader that goes away ends it', async () => {
  const gone = new AbortController();
  world.runtime.answer = () => ({ result: { tasks: [{ kind: 'task' }], next: 'more' } });
  const { code } = await world.yardmaster(['export', '--events'], {
    signal: gone.signal,
    drained: async () => gone.abort(),
  });
  expect(code).toBe(0);
  expect(world.runtime.calls.filter(({ method }) => method.startsWith('yardmaster/'))).toHaveLength(1);
});
