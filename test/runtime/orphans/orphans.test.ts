import { expect, test } from 'vitest';
import { Orphans, type OrphansPorts } from '../../../src/runtime/orphans/orphans.ts';
import type { MarkedProcess } from '../../../src/runtime/ports.ts';

const PROJECT = 'p_0123456789ab';

function processOf(pid: number, path: string, start = '1'): MarkedProcess {
  return { pid, start, begun_at: 0, command: 'server', run_dir: `/home/runs/${path}` };
}

/** Processes as each look finds them, and what the queue says of their tasks. */
function world(looks: (readonly MarkedProcess[] | undefined)[], tasks: Record<string, object>) {
  const said: string[] = [];
  const ended: number[] = [];
  const open = new Map(Object.entries(tasks).filter(([, task]) => !('finished_seq' in task)));
  const orphans = new Orphans({
    home: '/home',
    clock: {
      now: () => 0,
      after: (_, run) => {
        setImmediate(run);
        return () => {};
      },
    },
    marked: {
      within: async () => (looks.length > 1 ? looks.shift() : looks[0]),
      end: async (those) => {
        ended.push(...those.map(({ pid }) => pid));
        return those;
      },
    },
    store: {
      open: () => open,
      get: async ({ id }: { id: string }) => tasks[`${PROJECT}/${id}`],
    } as unknown as OrphansPorts['store'],
    projectName: () => 'shop',
    grace: () => 0,
    say: (_, __, facts) => void said.push(JSON.stringify(facts)),
  });
  return { orphans, said, ended };
}

const running = { state: 'running', attempt: 2 };

test('a live attempt’s processes are none; those of an earlier one, or of no task, are', async () => {
  const found = [processOf(10, `${PROJECT}/a/2`), processOf(11, `${PROJECT}/a/1`), processOf(12, `${PROJECT}/gone/1`)];
  const { orphans } = world([[...found, processOf(13, 'nonsense')]], { [`${PROJECT}/a`]: running });
  expect((await orphans.look())?.map(({ pid, why }) => [pid, why])).toEqual([
    [11, 'attempt 1 is over; attempt 2 is at work'],
    [12, 'no such task is known here'],
    [13, 'its run directory is of no attempt'],
  ]);
});

test('what a done task has left is kept; what an earlier attempt of it has left is not', async () => {
  const done = { finished_seq: 9, state: 'done', attempts: 2 };
  const { orphans } = world([[processOf(10, `${PROJECT}/a/2`), processOf(11, `${PROJECT}/a/1`)]], {
    [`${PROJECT}/a`]: done,
  });
  expect((await orphans.look())?.map(({ pid, kept }) => [pid, kept])).toEqual([
    [10, true],
    [11, false],
  ]);
  expect(orphans.needs()).toMatchObject([{ where: 'pid 11' }]);
});

test('what is only just ending is not listed, and what has another start is another process', async () => {
  const [dying, stays] = [processOf(10, `${PROJECT}/a/1`), processOf(11, `${PROJECT}/a/1`)];
  const { orphans, ended } = world([[dying, stays], [stays]], { [`${PROJECT}/a`]: running });
  expect((await orphans.look())?.map(({ pid }) => pid)).toEqual([11]);
  expect(await orphans.end([{ pid: 11, start: 'another' }])).toEqual([]);
  expect(ended).toEqual([]);
  expect(await orphans.end([{ pid: 11, start: '1' }])).toMatchObject([{ pid: 11 }]);
  expect(ended).toEqual([11]);
});

test('where the system does not tell, nothing is said to be there', async () => {
  const { orphans } = world([undefined], {});
  expect(await orphans.look()).toBeUndefined();
  expect(orphans.needs()).toEqual([]);
});
