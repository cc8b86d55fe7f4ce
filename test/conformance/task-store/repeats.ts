import { expect } from 'vitest';
import type { Cause } from '../../../src/runtime/model/task.ts';
import { accepted, FAILED, type MakeStore, OWNER, RUNNER, story } from './world.ts';

const CALL: Cause = { by: 'owner', call: 'bridge-1:7' };

export function repeatStories(make: MakeStore): void {
  story(make, 'an enqueue answers what it did the first time and adds nothing', async (world) => {
    const batch = [world.task(undefined, { title: 'Build it' }), world.task('named')];
    const first = await world.store.enqueue(batch, CALL);
    const again = await world.store.enqueue(batch, CALL);
    expect(again).toEqual(first);
    expect(world.store.open().size).toBe(2);
    const other = await world.store.enqueue([world.task(undefined, { title: 'Build it' })], {
      ...CALL,
      call: 'bridge-1:8',
    });
    expect(other).not.toEqual(first);
    expect(world.store.open().size).toBe(3);
  });

  story(make, 'two of the same call at once are one', async (world) => {
    const batch = [world.task(undefined, { title: 'Build it' })];
    const [one, two] = await Promise.all([world.store.enqueue(batch, CALL), world.store.enqueue(batch, CALL)]);
    expect(two).toEqual(one);
    expect(world.store.open().size).toBe(1);
  });

  story(make, 'a repeated cancel answers as before, though the task has ended', async (world) => {
    const ref = await world.enqueue('build');
    const first = await world.store.cancel(ref, 'not wanted', CALL);
    expect(await world.store.cancel(ref, 'not wanted', CALL)).toEqual(first);
    expect(first).toMatchObject({ state: 'cancelled' });
  });

  story(make, 'a repeated retry makes no second task', async (world) => {
    const ref = await world.enqueue('build');
    accepted(await world.store.end(await world.run('build'), FAILED, RUNNER));
    const first = accepted(await world.store.retry(ref, CALL));
    expect(await world.store.retry(ref, CALL)).toEqual(first);
    expect(world.store.open().size).toBe(1);
  });

  story(
    make,
    'a call by which something was claimed is known as answered, whatever became of the task',
    async (world) => {
      const ref = await world.enqueue('build');
      expect(world.store.answered('bridge-1:7')).toBe(false);
      const route = { to: 'provider' as const, provider: 'far', rules: [] };
      const { lease } = accepted(await world.store.claim(ref, route, CALL));
      expect(world.store.answered('bridge-1:7')).toBe(true);
      accepted(await world.store.end(lease, FAILED, RUNNER));
      expect(world.store.answered('bridge-1:7')).toBe(true);
      expect(world.store.answered('bridge-1:8')).toBe(false);
    },
  );

  story(make, 'calls without a name are never the same', async (world) => {
    const batch = [world.task(undefined, { title: 'Build it' })];
    await world.store.enqueue(batch, OWNER);
    await world.store.enqueue(batch, OWNER);
    expect(world.store.open().size).toBe(2);
  });
}
