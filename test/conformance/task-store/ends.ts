import { expect } from 'vitest';
import type { AttemptEnd } from '../../../src/runtime/ports.ts';
import { accepted, codeOf, DONE, FAILED, type MakeStore, ON_WORKER, OWNER, RUNNER, story } from './world.ts';

const LATER = 3_600_000;

export function endStories(make: MakeStore): void {
  story(make, 'a done task says where it ran, and its text is the result', async (world) => {
    await world.enqueue('build', { title: 'Build it', tags: ['ci'], group: 'night' });
    await world.finish('build', { state: 'done', result: 'All 41 tests pass.', model: 'opus', cost_usd: 0.5 });
    expect(await world.endedTask('build')).toMatchObject({
      ...{ state: 'done', title: 'Build it', tags: ['ci'], group: 'night', attempts: 1 },
      ...{ agent: 'worker', model: 'opus', cost_usd: 0.5 },
    });
    expect(await world.textOf('build')).toContain('All 41 tests pass.');
    expect(world.store.open().size).toBe(0);
  });

  story(make, 'a failed task says why and keeps its text', async (world) => {
    await world.enqueue('build', { body: 'Build the thing.' });
    accepted(await world.store.end(await world.run('build'), FAILED, RUNNER));
    expect(await world.endedTask('build')).toMatchObject({
      state: 'failed',
      error_class: 'crash',
      reason: 'exit code 7',
    });
    expect(await world.textOf('build')).toContain('exit code 7');
    expect(await world.textOf('build')).toContain('Build the thing.');
  });

  story(make, 'work that is checked is still running, and what a check refuses is counted', async (world) => {
    await world.enqueue('build');
    const lease = await world.run('build');
    accepted(await world.store.verifying(lease));
    expect(await world.openTask('build')).toMatchObject({ state: 'running', verifying_since: expect.any(Number) });
    const refused: AttemptEnd = { kind: 'requeue', class: 'verify', reason: 'npm test', not_before: 0, spent: false };
    accepted(await world.store.end(lease, refused, RUNNER));
    const back = await world.openTask('build');
    expect(back).toMatchObject({ state: 'queued', spent: 0, rejected: 1 });
    expect(back).not.toHaveProperty('verifying_since');
    expect(codeOf(await world.store.verifying(lease))).toBe('stale');
  });

  story(make, 'a requeued task waits until its time and remembers what went wrong', async (world) => {
    await world.enqueue('build');
    const not_before = world.now() + LATER;
    const back: AttemptEnd = { kind: 'requeue', class: 'rate_limit', reason: '429', not_before, spent: true };
    accepted(await world.store.end(await world.run('build'), back, RUNNER));
    const last_error = { class: 'rate_limit', reason: '429', attempt: 1 };
    expect(await world.openTask('build')).toMatchObject({
      state: 'queued',
      attempt: 1,
      spent: 1,
      not_before,
      last_error,
    });
    expect(codeOf(await world.store.claim(world.ref('build'), ON_WORKER, { by: 'dispatcher' }))).toBe('stale');
  });

  story(make, "an attempt that failed by nobody's fault is not counted, but its number is used", async (world) => {
    await world.enqueue('build');
    const back: AttemptEnd = { kind: 'requeue', class: 'auth', reason: 'logged out', not_before: 0, spent: false };
    accepted(await world.store.end(await world.run('build'), back, RUNNER));
    expect(await world.openTask('build')).toMatchObject({ attempt: 1, spent: 0 });
    expect((await world.claim('build')).attempt).toBe(2);
  });

  story(make, 'a void claim gives its count back, never its number', async (world) => {
    await world.enqueue('build');
    const lease = await world.claim('build');
    accepted(await world.store.end(lease, { kind: 'void', reason: 'no such program' }, RUNNER));
    expect(await world.openTask('build')).toMatchObject({ state: 'queued', attempt: 1, spent: 0 });
    expect((await world.claim('build')).attempt).toBe(2);
    expect(codeOf(await world.store.end(lease, DONE, RUNNER))).toBe('stale');
  });

  story(make, 'the outside is told of the attempts that began, and not of those that did not', async (world) => {
    await world.enqueue('build', { callback_url: 'https://hooks.example/done' });
    const never = { kind: 'void', reason: 'never began' } as const;
    const failed = { kind: 'requeue', class: 'crash', reason: 'killed', not_before: 0, spent: true } as const;
    accepted(await world.store.end(await world.claim('build'), never, RUNNER));
    accepted(await world.store.end(await world.run('build'), failed, RUNNER));
    accepted(await world.store.end(await world.claim('build'), never, RUNNER));
    await world.finish('build');
    expect([...world.store.outbox().values()]).toMatchObject([{ ref: world.ref('build'), retries: 1 }]);
  });

  story(make, 'a queued task is cancelled at once', async (world) => {
    const ref = await world.enqueue('build');
    expect(await world.store.cancel(ref, 'not wanted', OWNER)).toMatchObject({ state: 'cancelled' });
    expect(await world.endedTask('build')).toMatchObject({ state: 'cancelled', reason: 'not wanted', attempts: 0 });
  });

  const ends: readonly AttemptEnd[] = [
    FAILED,
    { kind: 'requeue', class: 'crash', reason: 'killed', not_before: 0, spent: true },
    { kind: 'void', reason: 'never began' },
  ];
  for (const end of ends) {
    story(make, `a running task is asked to end, and an end as ${end.kind} makes it cancelled`, async (world) => {
      const ref = await world.enqueue('build');
      const lease = await world.run('build');
      expect(await world.store.cancel(ref, 'not wanted', OWNER)).toMatchObject({ state: 'running' });
      expect(await world.liveTask('build')).toMatchObject({ state: 'running', cancel: 'not wanted' });
      accepted(await world.store.end(lease, end, RUNNER));
      expect(await world.endedTask('build')).toMatchObject({ state: 'cancelled', reason: 'not wanted', attempts: 1 });
    });
  }

  story(make, 'a finish that came before the cancel stands', async (world) => {
    const ref = await world.enqueue('build');
    await world.finish('build');
    expect(codeOf(await world.store.cancel(ref, 'too late', OWNER))).toBe('not_possible');
    expect(await world.stateOf('build')).toBe('done');
    expect(codeOf(await world.store.cancel(world.ref('nobody'), '', OWNER))).toBe('not_found');
  });

  story(make, 'a failed task is tried again as a new one with the same text', async (world) => {
    const ref = await world.enqueue('build', { title: 'Build it', body: 'Build the thing.' });
    accepted(await world.store.end(await world.run('build'), FAILED, RUNNER));
    const made = accepted(await world.store.retry(ref, OWNER));
    expect(made).toMatchObject({ state: 'queued' });
    expect(made.ref.id).not.toBe('build');
    expect(await world.endedTask('build')).toMatchObject({ state: 'failed', retried_as: made.ref.id });
    expect(await world.openTask(made.ref.id)).toMatchObject({
      retry_of: 'build',
      title: 'Build it',
      attempt: 0,
      spent: 0,
    });
    expect(await world.textOf(made.ref.id)).toContain('Build the thing.');
    expect(codeOf(await world.store.retry(ref, OWNER))).toBe('not_possible'); // once
  });

  story(make, 'a done or a running task is not tried again', async (world) => {
    await world.enqueue('done');
    await world.finish('done');
    await world.enqueue('running');
    await world.run('running');
    for (const id of ['done', 'running'])
      expect(codeOf(await world.store.retry(world.ref(id), OWNER))).toBe('not_possible');
    expect(codeOf(await world.store.retry(world.ref('nobody'), OWNER))).toBe('not_found');
  });

  story(make, 'a retry frees a task that waits for its next attempt', async (world) => {
    const ref = await world.enqueue('build');
    const back: AttemptEnd = {
      kind: 'requeue',
      class: 'crash',
      reason: 'oops',
      not_before: world.now() + LATER,
      spent: true,
    };
    accepted(await world.store.end(await world.run('build'), back, RUNNER));
    expect(accepted(await world.store.retry(ref, OWNER))).toEqual({ ref, state: 'queued' });
    expect((await world.claim('build')).attempt).toBe(2);
  });
}
