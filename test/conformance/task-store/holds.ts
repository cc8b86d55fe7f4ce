import { expect } from 'vitest';
import { holdOn } from '../../../src/runtime/model/hold.ts';
import type { RunRoute } from '../../../src/runtime/model/route.ts';
import {
  accepted,
  codeOf,
  DONE,
  type MakeStore,
  ON_GPU,
  ON_WORKER,
  OWNER,
  RUNNER,
  story,
  type World,
} from './world.ts';

const PERSON = { by: 'person' } as const;
const of = (agent: string) => ({ of: 'agent', agent }) as const;
const PAUSE = { kind: 'pause', reason: 'its update' } as const;
const IN_SEAT: RunRoute = { to: 'agent', agent: 'claude#1', program: 'claude', kind: 'session', rules: [] };

/** How many records came of it. */
async function records(world: World, act: () => Promise<unknown>): Promise<number> {
  const seen = new Set<number>();
  const stop = world.store.subscribe((changes) => {
    for (const { seq } of changes) seen.add(seq);
  });
  await act();
  stop();
  return seen.size;
}

export function holdStories(make: MakeStore): void {
  story(make, 'nothing begins at a held agent or provider; others take it, and what runs goes on', async (world) => {
    for (const id of ['at-work', 'build', 'other']) await world.enqueue(id);
    const lease = await world.run('at-work');
    accepted(await world.store.hold(of('worker'), PAUSE, OWNER));
    accepted(await world.store.hold(of('gpu'), PAUSE, OWNER));
    for (const route of [ON_WORKER, ON_GPU]) {
      const refused = await world.store.claim(world.ref('build'), route, RUNNER);
      expect(refused).toMatchObject({ code: 'stale', message: expect.stringContaining('its update') });
    }
    expect(await world.stateOf('build')).toBe('queued');
    accepted(await world.store.end(lease, DONE, RUNNER));
    await world.claim('other', IN_SEAT);
    accepted(await world.store.resume(of('worker'), OWNER));
    await world.claim('build');
  });

  story(make, 'a hold of a program holds its sessions', async (world) => {
    await world.enqueue('build');
    accepted(await world.store.hold(of('claude'), { ...PAUSE, kind: 'drain' }, OWNER));
    expect(codeOf(await world.store.claim(world.ref('build'), IN_SEAT, RUNNER))).toBe('stale');
  });

  story(make, 'what a person holds only a person changes', async (world) => {
    for (const scope of [{ of: 'fleet' }, { of: 'project', project: world.shop }, of('worker')] as const) {
      accepted(await world.store.hold(scope, PAUSE, PERSON));
      expect(codeOf(await world.store.resume(scope, OWNER))).toBe('not_allowed');
      expect(codeOf(await world.store.hold(scope, { ...PAUSE, reason: 'mine' }, OWNER))).toBe('not_allowed');
      expect(holdOn(world.store.holds(), scope, world.now())).toMatchObject({ by: 'person', reason: 'its update' });
      accepted(await world.store.resume(scope, PERSON));
      expect(world.store.holds().size).toBe(0);
    }
  });

  story(make, 'a person takes over what a client holds', async (world) => {
    accepted(await world.store.hold(of('worker'), PAUSE, OWNER));
    accepted(await world.store.hold(of('worker'), { ...PAUSE, reason: 'mine' }, PERSON));
    expect(codeOf(await world.store.resume(of('worker'), OWNER))).toBe('not_allowed');
  });

  story(make, 'the same hold again, and a resume of nothing, are no records', async (world) => {
    accepted(await world.store.hold(of('worker'), PAUSE, OWNER));
    expect(await records(world, () => world.store.hold(of('worker'), PAUSE, OWNER))).toBe(0);
    expect(await records(world, () => world.store.hold(of('worker'), { ...PAUSE, reason: 'more' }, OWNER))).toBe(1);
    expect(await records(world, () => world.store.resume(of('gpu'), OWNER))).toBe(0);
  });

  story(make, 'a hold is over when its time is, and that is recorded once', async (world) => {
    await world.enqueue('build');
    const until = world.now() + 30;
    accepted(await world.store.hold(of('worker'), { ...PAUSE, until }, PERSON));
    accepted(await world.store.hold({ of: 'fleet' }, { ...PAUSE, until: until + 3_600_000 }, OWNER));
    await world.laterThan(until);
    accepted(await world.store.hold(of('gpu'), PAUSE, OWNER));
    expect(holdOn(world.store.holds(), of('worker'), world.now())).toBeUndefined();
    expect(await records(world, () => world.store.endHolds(RUNNER))).toBe(1);
    expect([...world.store.holds().keys()]).toEqual(['fleet', 'agent/gpu']);
    expect(await records(world, () => world.store.endHolds(RUNNER))).toBe(0);
    accepted(await world.store.resume({ of: 'fleet' }, OWNER));
    await world.claim('build');
  });

  story(make, 'holds of agents outlive a restart, and whose they are', async (world, skip) => {
    const until = world.now() + 3_600_000;
    accepted(await world.store.hold(of('worker'), { kind: 'drain', reason: 'its update', until }, PERSON));
    const before = new Map(world.store.holds());
    if (!world.under.restart) skip('nothing is kept');
    world.store = (await world.under.restart?.()) ?? world.store;
    expect(new Map(world.store.holds())).toEqual(before);
    expect(codeOf(await world.store.resume(of('worker'), OWNER))).toBe('not_allowed');
  });
}
