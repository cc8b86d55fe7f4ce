import { expect } from 'vitest';
import { isRefusal } from '../../../src/runtime/model/refusal.ts';
import { accepted, codeOf, FAILED, type MakeStore, OWNER, RUNNER, story } from './world.ts';

export function dependencyStories(make: MakeStore): void {
  story(make, 'a task is free when all that it depends on is done', async (world) => {
    await world.enqueue('build');
    await world.enqueue('test');
    await world.enqueue('ship', { depends_on: ['build', 'test'] });
    expect(await world.openTask('ship')).toMatchObject({ waits_for: ['build', 'test'] });
    await world.finish('build');
    expect(await world.openTask('ship')).toMatchObject({ waits_for: ['test'] });
    await world.finish('test');
    expect(await world.openTask('ship')).toMatchObject({ waits_for: [] });
    await world.finish('ship');
  });

  story(make, 'a task that depends on a done one is free at once', async (world) => {
    await world.enqueue('build');
    await world.finish('build');
    await world.enqueue('ship', { depends_on: ['build'] });
    expect(await world.openTask('ship')).toMatchObject({ waits_for: [] });
  });

  story(make, 'a chain in one batch, in any order', async (world) => {
    const batch = [
      world.task('ship', { depends_on: ['test'] }),
      world.task('test', { depends_on: ['build'] }),
      world.task('build'),
    ];
    (await world.store.enqueue(batch, OWNER)).map(accepted);
    for (const id of ['build', 'test', 'ship']) await world.finish(id);
    expect(await world.stateOf('ship')).toBe('done');
  });

  story(make, 'what depends on a failed task fails with it, and so on', async (world) => {
    await world.enqueue('build');
    await world.enqueue('test', { depends_on: ['build'] });
    await world.enqueue('ship', { depends_on: ['test'] });
    await world.enqueue('other');
    accepted(await world.store.end(await world.run('build'), FAILED, RUNNER));
    expect(await world.endedTask('test')).toMatchObject({ state: 'failed', error_class: 'dependency', attempts: 0 });
    expect(await world.endedTask('ship')).toMatchObject({ state: 'failed', error_class: 'dependency' });
    expect(await world.stateOf('other')).toBe('queued');
  });

  story(make, 'a cancelled dependency is a failed one', async (world) => {
    const ref = await world.enqueue('build');
    await world.enqueue('test', { depends_on: ['build'] });
    accepted(await world.store.cancel(ref, 'not wanted', OWNER));
    expect(await world.endedTask('test')).toMatchObject({ state: 'failed', error_class: 'dependency' });
  });

  story(make, 'a task enqueued behind a failed one fails at once', async (world) => {
    await world.enqueue('build');
    accepted(await world.store.end(await world.run('build'), FAILED, RUNNER));
    const [answer] = await world.store.enqueue([world.task('test', { depends_on: ['build'] })], OWNER);
    expect(answer).toMatchObject({ state: 'failed', created: true });
    expect(await world.endedTask('test')).toMatchObject({ state: 'failed', error_class: 'dependency' });
  });

  story(make, 'a task that holds waits for the retry of what failed', async (world) => {
    const ref = await world.enqueue('build');
    await world.enqueue('ship', { depends_on: ['build'], on_dependency_failure: 'hold' });
    accepted(await world.store.end(await world.run('build'), FAILED, RUNNER));
    expect(await world.openTask('ship')).toMatchObject({ state: 'queued', waits_for: ['build'] });
    const again = accepted(await world.store.retry(ref, OWNER));
    expect(await world.openTask('ship')).toMatchObject({ waits_for: [again.ref.id] });
    await world.finish(again.ref.id);
    expect(await world.openTask('ship')).toMatchObject({ waits_for: [] });
  });

  story(make, 'a dependency is one of the same project', async (world) => {
    const blog = await world.under.project('blog');
    await world.enqueue('build');
    await world.enqueue('build', {}, blog);
    await world.enqueue('ship', { depends_on: ['build'] }, blog);
    await world.finish('build');
    expect(await world.store.get(world.ref('ship', blog))).toMatchObject({ waits_for: ['build'] });
  });

  story(make, 'a task can not depend on itself', async (world) => {
    const [answer] = await world.store.enqueue([world.task('a', { depends_on: ['a'] })], OWNER);
    expect(codeOf(answer)).toBe('cycle');
    expect(world.store.open().size).toBe(0);
  });

  story(make, 'a cycle over several calls is refused and named', async (world) => {
    await world.enqueue('a', { depends_on: ['b'] });
    await world.enqueue('b', { depends_on: ['c'] });
    const [answer] = await world.store.enqueue([world.task('c', { depends_on: ['a'] })], OWNER);
    expect(codeOf(answer)).toBe('cycle');
    for (const id of ['a', 'b', 'c']) expect(isRefusal(answer) && answer.message).toContain(id);
    expect(world.store.open().size).toBe(2);
  });

  story(make, 'a cycle within one batch never gets in whole', async (world) => {
    const batch = [world.task('a', { depends_on: ['b'] }), world.task('b', { depends_on: ['a'] })];
    const answers = await world.store.enqueue(batch, OWNER);
    expect(answers.map(codeOf)).toContain('cycle');
    expect(world.store.open().size).toBeLessThan(2);
  });
}
