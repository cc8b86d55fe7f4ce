import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemChance } from '../../../src/runtime/io/chance.ts';
import { systemClock } from '../../../src/runtime/io/clock.ts';
import { DiskFiles } from '../../../src/runtime/io/files.ts';
import { fileLocks } from '../../../src/runtime/io/locks.ts';
import { Config } from '../../../src/runtime/model/config.ts';
import type { Project } from '../../../src/runtime/model/event.ts';
import { keyOf, TaskId } from '../../../src/runtime/model/ids.ts';
import { isRefusal } from '../../../src/runtime/model/refusal.ts';
import { TaskSpec } from '../../../src/runtime/model/spec.ts';
import { type FinishedTask, type OpenTask, Outcome, type OutcomeInput } from '../../../src/runtime/model/task.ts';
import type { FileStore } from '../../../src/runtime/store/file-store.ts';
import { openStore } from '../../../src/runtime/store/open-store.ts';
import { type Goal, Projector } from '../../../src/runtime/store/projector.ts';
import { until } from '../../support/world.ts';

const DIFF = '--- a/x.txt\n+++ b/x.txt\n@@ -1 +1 @@\n-one\n+two\n';
const PATCH = `diff --git a/x.txt b/x.txt\n${DIFF.replace('-1 +1', '-1,1 +1,1')}`;
const OUTCOME: OutcomeInput = {
  ...{ state: 'done', result: `Here:\n\`\`\`diff\n${DIFF}\`\`\`\n`, provider: 'far' },
  patch: { files: 1, insertions: 1, deletions: 1 },
};

let root: string;
let store: FileStore;
let project: Project;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'ym-patch-file-'));
  mkdirSync(join(root, 'shop'));
  mkdirSync(join(root, 'home'));
  await open();
});
afterEach(async () => {
  await store.close();
  rmSync(root, { recursive: true, force: true });
});

async function open(): Promise<void> {
  const at = (name: string) => join(root, 'home', name);
  const names = { projects: at('projects.json'), finished: at('finished') };
  store = await openStore({
    ...{ files: new DiskFiles(), clock: systemClock(), chance: systemChance(), locks: fileLocks() },
    ...{ config: Config.parse({}), bootId: 'one boot', say: () => {} },
    home: { dir: at(''), journal: at('journal'), snapshot: at('snapshot.json'), runs: at('runs'), ...names },
    onFatal: (error) => {
      throw error;
    },
  });
  const adopted = await store.adoptProject(join(root, 'shop'), 'shop', true, { by: 'owner' });
  if (isRefusal(adopted)) throw new Error(adopted.message);
  project = adopted;
}

const done = (name: string) => join(root, 'shop', '.agent-queue', 'done', name);
const read = (name: string) => readFileSync(done(name), 'utf8');

async function finished(outcome: OutcomeInput = OUTCOME): Promise<Goal & { kind: 'ended' }> {
  const ref = { project: project.id, id: TaskId.parse('fix') };
  const task = { ...ref, spec: TaskSpec.parse({}), title: 'Fix', bytes: Buffer.from('Fix'), source: 'call' as const };
  await store.enqueue([{ ...task, enqueued_by: 'me' }], { by: 'owner' });
  const claimed = await store.claim(ref, { to: 'provider', provider: 'far', rules: [] }, { by: 'dispatcher' });
  if (isRefusal(claimed)) throw new Error(claimed.message);
  await store.started(claimed.lease);
  const before = store.open().get(keyOf(ref)) as OpenTask;
  await store.end(claimed.lease, { kind: 'finished', outcome }, { by: 'provider' });
  await until(() => existsSync(done('fix.md')) && !existsSync(join(root, 'shop/.agent-queue/inbox/fix.md.dispatched')));
  const ended = (await store.get(ref)) as FinishedTask;
  return { kind: 'ended', before, task: ended, outcome: Outcome.parse(outcome), inPlace: false };
}

it('the patch of a result lies beside it, and applies with git', async () => {
  await finished();
  expect(read('fix.patch')).toBe(PATCH);
  expect(read('fix.md')).toMatch(/^patch_files: 1\npatch_insertions: 1\npatch_deletions: 1$/m);
});

it('a result without one has none', async () => {
  await finished({ state: 'done', result: 'No changes.', provider: 'far' });
  expect(existsSync(done('fix.patch'))).toBe(false);
});

it('what somebody else has put there keeps its bytes under another name', async () => {
  writeFileSync(done('fix.patch'), 'mine');
  await finished();
  expect([read('fix.patch'), read('fix-2.patch')]).toEqual([PATCH, 'mine']);
});

it('it is made again where it is missing or torn, and left alone where a person has changed it', async () => {
  const goal = await finished();
  const again = async () => {
    const projector = new Projector({
      ...{ files: new DiskFiles(), clock: systemClock(), anotherBoot: () => true, current: () => undefined },
      ...{ folder: () => join(root, 'shop'), body: async () => Buffer.from('Fix'), done: () => {} },
      nameOf: () => 'shop',
      trouble: (_, error) => {
        throw error;
      },
    });
    projector.request(keyOf(goal.task), goal);
    await projector.settled(keyOf(goal.task));
    const synced = projector.takeUnsynced();
    await projector.stop();
    return synced;
  };
  rmSync(done('fix.patch'));
  expect(await again()).toContain(done('fix.patch'));
  expect(read('fix.patch')).toBe(PATCH);
  writeFileSync(done('fix.patch'), PATCH.slice(0, 20));
  await again();
  expect(read('fix.patch')).toBe(PATCH);
  writeFileSync(done('fix.patch'), 'edited');
  await again();
  expect([read('fix.patch'), existsSync(done('fix-2.patch'))]).toEqual(['edited', false]);
});

it('a queue whose journal is lost is read without taking it for a task', async () => {
  await finished();
  await store.close();
  rmSync(join(root, 'home'), { recursive: true });
  mkdirSync(join(root, 'home'));
  await open();
  await until(async () => (await store.list({ limit: 10 })).tasks.length > 0);
  expect((await store.list({ limit: 10 })).tasks.map(({ id, state }) => [id, state])).toEqual([['fix', 'done']]);
  expect(read('fix.patch')).toBe(PATCH);
});
