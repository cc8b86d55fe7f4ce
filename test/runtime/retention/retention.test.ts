import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemChance } from '../../../src/runtime/io/chance.ts';
import { DiskFiles } from '../../../src/runtime/io/files.ts';
import { Config } from '../../../src/runtime/model/config.ts';
import { keyOf, type ProjectId, type TaskId, type TaskRef } from '../../../src/runtime/model/ids.ts';
import type { FinishedTask } from '../../../src/runtime/model/task.ts';
import { PastEvents, surplus } from '../../../src/runtime/retention/past-events.ts';
import { Retention } from '../../../src/runtime/retention/retention.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';
import { until } from '../../support/world.ts';

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 10, 21);
const shop = 'p_000000000001' as ProjectId;
const far = 'p_000000000002' as ProjectId;

let dir: string;
let open: Map<string, unknown>;
let finished: Map<string, number>;
let recorded: string[];
let removed: string[];
let clock: VirtualClock;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ym-retention-'));
  open = new Map();
  finished = new Map();
  recorded = [];
  removed = [];
  clock = new VirtualClock(NOW);
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const ref = (project: ProjectId, id: string): TaskRef => ({ project, id: id as TaskId });
const runDir = (project: ProjectId, id: string): string => join(dir, 'runs', project, id);

/** A task that began and ended so many days ago; `ended` undefined: the queue knows nothing of it. */
function run(project: ProjectId, id: string, begunDays: number, endedDays?: number): string {
  const task = runDir(project, id);
  mkdirSync(join(task, '1'), { recursive: true });
  writeFileSync(join(task, '1', 'stdout'), 'said');
  const at = (NOW - begunDays * DAY) / 1_000;
  utimesSync(task, at, at);
  if (endedDays !== undefined) finished.set(keyOf(ref(project, id)), NOW - endedDays * DAY);
  return task;
}

function retention(settings: object = {}): Retention {
  const files = new DiskFiles();
  return new Retention({
    config: Config.parse({ retention: settings }),
    ...{ clock, chance: systemChance(), files, runs: join(dir, 'runs') },
    past: new PastEvents(files, join(dir, 'journal'), 'epoch'),
    store: {
      open: () => open,
      owns: (project) => project === shop,
      get: async (task) => {
        const finished_at = finished.get(keyOf(task));
        return finished_at === undefined ? undefined : ({ finished_at } as FinishedTask);
      },
    },
    projectName: (id) => (id === shop ? 'shop' : 'far'),
    removeTree: async (path) => {
      removed.push(path);
      await rm(path, { recursive: true });
    },
    record: async (code, message) => void recorded.push(`${code}: ${message}`),
    say: () => {},
  });
}

async function pass(keeper: Retention, dry = false) {
  return stepping(keeper.prune({ dry }));
}

/** The disk is real and the clock is not: time goes on in small steps until it has happened. */
async function stepping<T>(happening: Promise<T>): Promise<T> {
  let over = false;
  const watched = happening.finally(() => {
    over = true;
  });
  await steppingUntil(() => over);
  return watched;
}

async function steppingUntil(holds: () => boolean): Promise<void> {
  await until(async () => {
    await clock.advance(5);
    return holds();
  }, 20_000);
}

test('runs of tasks that ended long ago go, all others stay', async () => {
  const old = run(shop, 'old', 40, 35);
  const lately = run(shop, 'lately', 40, 10);
  const young = run(shop, 'young', 5, 5);
  const running = run(shop, 'running', 90);
  open.set(keyOf(ref(shop, 'running')), {});
  const elsewhere = run(far, 'old', 90, 80);
  expect(await pass(retention())).toEqual({ runs: 1, named: ['shop/old'], events_files: 0 });
  expect(existsSync(old)).toBe(false);
  for (const kept of [lately, young, running, elsewhere]) expect(existsSync(kept), kept).toBe(true);
  expect(recorded).toEqual(['pruned: 1 run directories of ended tasks, 0 files of old events']);
});

test('a dry run only says what would go', async () => {
  const old = run(shop, 'old', 40, 35);
  expect(await pass(retention(), true)).toMatchObject({ runs: 1, named: ['shop/old'] });
  expect([existsSync(old), recorded]).toEqual([true, []]);
});

test('a task whose result somebody took away is not kept for ever', async () => {
  const gone = run(shop, 'gone', 40);
  await pass(retention());
  expect(existsSync(gone)).toBe(false);
});

test('a task that became open again in the last moment keeps its runs', async () => {
  const again = run(shop, 'again', 40, 35);
  const keeper = retention();
  const passing = keeper.prune({ dry: false });
  open.set(keyOf(ref(shop, 'again')), {}); // while the pass looks
  expect((await stepping(passing)).runs).toBe(0);
  expect(existsSync(again)).toBe(true);
});

test('what a killed pass left half deleted is deleted by the next, and no link is followed', async () => {
  const outside = join(dir, 'outside');
  mkdirSync(join(dir, 'runs', '.pruned', 'half', '1'), { recursive: true });
  mkdirSync(outside);
  writeFileSync(join(outside, 'precious'), 'x');
  symlinkSync(outside, join(dir, 'runs', '.pruned', 'half', 'link'));
  await pass(retention());
  expect(readdirSync(join(dir, 'runs', '.pruned'))).toEqual([]);
  expect(existsSync(join(outside, 'precious'))).toBe(true);
});

test('forever keeps everything, and 0 nothing that has ended', async () => {
  run(shop, 'old', 400, 399);
  expect((await pass(retention({ runs: 'forever' }))).runs).toBe(0);
  expect((await pass(retention({ runs: 0 }))).runs).toBe(1);
});

test('it takes its time: a thousand directories are no single step, and a stop ends it between two', async () => {
  for (let n = 0; n < 1_000; n++) run(shop, `t${n}`, 40, 35);
  const keeper = retention();
  const passing = keeper.prune({ dry: false });
  await steppingUntil(() => removed.length > 0);
  expect(removed.length).toBeLessThan(200);
  await keeper.stop();
  expect((await passing).runs).toBeLessThan(200);
  expect(clock.pending).toBe(0);
});

test('it comes by itself, every hour', async () => {
  const keeper = retention();
  keeper.start();
  run(shop, 'old', 40, 35);
  await clock.advance(60_000);
  await steppingUntil(() => recorded.length === 1);
  run(shop, 'later', 40, 35);
  await clock.advance(3_600_000);
  await steppingUntil(() => recorded.length === 2);
  expect(existsSync(runDir(shop, 'later'))).toBe(false);
  await keeper.stop();
});

test('past events go by age, and the oldest first where they are too many', () => {
  const file = (path: string, days: number, size = 10) => ({ path, size, newest: NOW - days * DAY });
  const files = [file('a', 100), file('b', 50), file('c', 20), file('d', 1)];
  const gone = (since: number, bytes: number) => surplus(files, { since, bytes }).map(({ path }) => path);
  expect(gone(NOW - 90 * DAY, 1_000)).toEqual(['a']);
  expect(gone(0, 25)).toEqual(['a', 'b']);
  expect(gone(NOW - 90 * DAY, 0)).toEqual(['a', 'b', 'c', 'd']);
  expect(gone(0, 1_000)).toEqual([]);
});
