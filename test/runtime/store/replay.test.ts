import { expect, it } from 'vitest';
import { TaskId } from '../../../src/runtime/model/ids.ts';
import { isRefusal } from '../../../src/runtime/model/refusal.ts';
import type { RunRoute } from '../../../src/runtime/model/route.ts';
import type { AttemptEnd, TaskStore } from '../../../src/runtime/ports.ts';
import { parseTask } from '../../../src/runtime/taskfile/parse.ts';
import { Machine } from './power-cut/machine.ts';

/* What is known beside the tasks themselves is the same after a kill as before it, from a snapshot or from the journal. */

const known = (store: TaskStore) => ({
  holds: [...store.holds()],
  workers: [...store.workers()],
  quota: { changes: [...store.quota().changes], told: [...store.quota().told] },
  profiles: [...store.profiles()],
  books: JSON.stringify([...store.books().days].map(([day, page]) => [day, [...page.agent], [...page.model]])),
  open: [...store.open().values()].map(({ body: _, ...task }) => task),
});

it('live, replayed, and from a snapshot with what came after it', async () => {
  const machine = new Machine(3, 4_096);
  await machine.setUp();
  expect(await machine.open()).toBe(true);
  const { id: project } = machine.projects[0] ?? expect.fail();
  const route: RunRoute = { to: 'agent', agent: 'w', kind: 'worker', model: 'm', rules: [] };
  const ends: AttemptEnd[] = [
    {
      ...{ kind: 'requeue', class: 'crash', reason: 'gone', not_before: 0, spent: true },
      used: { tokens: 10, cost: { amount: 0.1, currency: 'USD' } },
    },
    { kind: 'requeue', class: 'rate_limit', reason: 'later', not_before: 0, spent: false },
    { kind: 'void', reason: 'nobody' },
    { kind: 'finished', outcome: { state: 'done', result: 'ok', tokens: 7, cost_usd: 0.2 } },
  ];
  for (let round = 0; round < 24; round++) {
    const { store } = machine;
    const person = { by: 'person' } as const;
    const until = Date.UTC(2027, 0, 1) + round;
    const ref = { project, id: TaskId.parse(`t${round >> 2}`) };
    if (round % 4 === 0) {
      const bytes = Buffer.from('---\nagent: w\nmax_attempts: 9\n---\nBuild it.\n');
      const parsed = parseTask(bytes);
      if (isRefusal(parsed)) throw new Error(parsed.message);
      await store.enqueue([{ ...ref, ...parsed, bytes, source: 'call', enqueued_by: 'test' }], { by: 'owner' });
    }
    const claimed = await store.claim(ref, route, { by: 'dispatcher' });
    if (!isRefusal(claimed)) {
      const end = ends[(round + (round >> 2)) % ends.length] ?? expect.fail();
      if (end.kind !== 'void') await store.started(claimed.lease, { life: `l${round}`, call: `c${round}` });
      if (round % 5 !== 4) expect(await store.end(claimed.lease, end, { by: 'runner' })).toBeUndefined();
    }
    const worker = {
      ...{ name: `w${round % 3}`, life: `${round}`, key_sha: 'k', capabilities: ['x'], max: 1, files: round % 2 === 0 },
      registered_at: round,
    };
    await store.record({ type: 'worker_registered', worker }, { by: 'owner' });
    if (round % 4 === 1)
      await store.record(
        { type: 'worker_left', name: worker.name, life: worker.life, why: 'silent' },
        { by: 'runner' },
      );
    await store.hold({ of: 'agent', agent: `a${round % 5}` }, { kind: 'drain', reason: `r${round}`, until }, person);
    if (round % 3 === 0) await store.resume({ of: 'agent', agent: `a${round % 4}` }, person);
    const limit = { of: 'agent', name: `w${round % 3}`, what: 'daily_jobs' } as const;
    await store.record({ type: 'limit_changed', ...limit, limit: round, reason: 'r', until }, person);
    await store.record({ type: 'quota_warning', ...limit, used: 1, limit: 2, resets_at: round }, { by: 'dispatcher' });
    if (round % 5 === 0) await store.record({ type: 'limit_restored', ...limit, reason: 'r' }, person);
    const windows = [{ name: '5h', used: 0.5, resets_at: until, length_ms: 300 }];
    await store.record({ type: 'profile_used', agent: 'claude', profile: `p${round % 2}`, windows }, { by: 'runner' });
    if (round % 3 === 2) {
      await machine.converge();
      const before = known(machine.store);
      if (round % 2 === 0) await machine.kill();
      else await machine.close(); // with a snapshot
      expect(await machine.open()).toBe(true);
      expect(known(machine.store)).toEqual(before);
    }
  }
  const { workers, quota, books, open } = known(machine.store);
  expect([workers.length, quota.changes.length > 0, books.includes('tokens')]).toEqual([2, true, true]);
  expect(Math.max(...open.map(({ tries }) => tries?.length ?? 0))).toBeGreaterThan(1);
});
