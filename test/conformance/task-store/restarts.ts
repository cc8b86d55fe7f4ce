import { expect } from 'vitest';
import { spentBy, writeBooks } from '../../../src/runtime/model/books.ts';
import { pausedAt } from '../../../src/runtime/model/hold.ts';
import type { Cause, OutcomeInput } from '../../../src/runtime/model/task.ts';
import { accepted, DONE, type MakeStore, OWNER, RUNNER, story, type World } from './world.ts';

export function restartStories(make: MakeStore): void {
  story(make, 'everything is as it was, and leases go on', async (world, skip) => {
    await world.enqueue('waiting', { depends_on: ['running'], group: 'night' });
    await world.enqueue('running');
    await world.enqueue('finished');
    const lease = await world.run('running');
    await world.finish('finished');
    const before = await snapshot(world);
    await restarted(world, skip);
    expect(await snapshot(world)).toEqual(before);
    accepted(await world.store.end(lease, DONE, RUNNER));
    expect(await world.openTask('waiting')).toMatchObject({ waits_for: [] });
  });

  story(make, 'a pause outlives it', async (world, skip) => {
    await world.store.hold({ of: 'project', project: world.shop }, { kind: 'pause', reason: 'lunch' }, OWNER);
    await restarted(world, skip);
    expect(pausedAt(world.store.holds(), Date.now())).toMatchObject({ all: false, projects: new Set([world.shop]) });
  });

  story(make, 'what is known of accounts outlives it', async (world, skip) => {
    const of = (profile: string) => ({ agent: 'claude', profile });
    await world.store.record(
      { type: 'profile_paused', ...of('work'), why: 'limit', reason: 'weekly limit', until: world.now() + 9_000 },
      RUNNER,
    );
    await world.store.record({ type: 'profile_paused', ...of('spare'), why: 'login', reason: 'logged out' }, RUNNER);
    await world.store.record({ type: 'profile_resumed', ...of('spare') }, OWNER);
    await world.store.record({ type: 'profile_chosen', ...of('spare') }, OWNER);
    const before = new Map(world.store.profiles());
    expect([...before.keys()]).toEqual(['claude/work', 'claude/spare']);
    await restarted(world, skip);
    expect(new Map(world.store.profiles())).toEqual(before);
  });

  story(make, 'what was spent of an allowance is as it was', async (world, skip) => {
    for (const id of ['done', 'failed', 'cancelled', 'void', 'later', 'running']) await world.enqueue(id);
    const used = { tokens: 101, cost: { amount: 0.25, currency: 'EUR' } };
    accepted(
      await world.store.end(await world.run('done'), finish({ state: 'done', result: 'x', tokens: 100 }), RUNNER),
    );
    const failed = { state: 'failed', error_class: 'crash', reason: 'x', used } as const;
    accepted(await world.store.end(await world.run('failed'), finish(failed), RUNNER));
    const lease = await world.run('cancelled');
    await world.store.cancel(world.ref('cancelled'), 'never mind', OWNER);
    accepted(await world.store.end(lease, finish({ state: 'done', result: 'x', tokens: 7, cost_usd: 0.5 }), RUNNER));
    accepted(await world.store.end(await world.claim('void'), { kind: 'void', reason: 'no file' }, RUNNER));
    const busy = { kind: 'requeue', class: 'rate_limit', reason: 'busy', not_before: 0, spent: false } as const;
    accepted(await world.store.end(await world.claim('later'), busy, RUNNER));
    await world.run('running');
    const before = writeBooks(world.store.books());
    const { jobs, tokens, money } = spentBy(world.store.books(), 'project', world.shop, world.now());
    expect({ jobs, tokens, money }).toEqual({ jobs: 4, tokens: 151, money: { EUR: 0.25, USD: 0.5 } });
    await restarted(world, skip);
    expect(writeBooks(world.store.books())).toEqual(before);
  });

  story(
    make,
    'what the outside is still to be told outlives it, and what was told is forgotten',
    async (world, skip) => {
      const callback_url = 'https://hooks.example/done';
      const both = { dispatch: { id: 'dispatch-1', by: 'somebody', project: 'shop' } };
      await world.store.enqueue([{ ...world.task('told', { callback_url }), ...both }], OWNER);
      const told = world.ref('told');
      await world.finish('told');
      expect([...world.store.outbox().values()]).toMatchObject([{ ref: told, owed: ['report', 'callback'], ...both }]);
      await world.store.delivered(told, 'report', { ok: true, detail: 'written' });
      await world.store.delivered(told, 'report', { ok: true, detail: 'written again' });
      await restarted(world, skip);
      expect([...world.store.outbox().values()]).toMatchObject([{ ref: told, owed: ['callback'], callback_url }]);
      await world.store.delivered(told, 'callback', { ok: false, detail: 'nobody took it for a day' });
      expect(world.store.outbox().size).toBe(0);
      await restarted(world, skip);
      expect(world.store.undelivered()).toMatchObject([
        { ref: told, what: 'callback', detail: 'nobody took it for a day' },
      ]);
    },
  );

  story(make, 'a call that was answered before it is answered the same after it', async (world, skip) => {
    const call: Cause = { by: 'owner', call: 'bridge-1:7' };
    const batch = [world.task(undefined, { title: 'Build it' })];
    const first = await world.store.enqueue(batch, call);
    await restarted(world, skip);
    expect(world.store.answered('bridge-1:7')).toBe(true);
    expect(await world.store.enqueue(batch, call)).toEqual(first);
    expect(world.store.open().size).toBe(1);
  });

  story(make, 'an idempotency key still names its task', async (world, skip) => {
    const ref = await world.enqueue('build', { idempotency_key: 'order-7' });
    await restarted(world, skip);
    const [again] = await world.store.enqueue([world.task('other', { idempotency_key: 'order-7' })], OWNER);
    expect(again).toEqual({ ref, state: 'queued', created: false });
  });
}

async function restarted(world: World, skip: (why: string) => never): Promise<void> {
  if (!world.under.restart) return skip('this engine keeps nothing');
  world.store = await world.under.restart();
}

async function snapshot({ store }: World) {
  const open = [...store.open().values()].map(({ body: _, ...task }) => task); // where its bytes lie may change
  const { tasks } = await store.list({ limit: 100, states: ['done', 'failed', 'cancelled'] });
  return { epoch: store.epoch, open, tasks, counts: store.counts(), projects: store.projects() };
}

function finish(outcome: OutcomeInput) {
  return { kind: 'finished', outcome } as const;
}
