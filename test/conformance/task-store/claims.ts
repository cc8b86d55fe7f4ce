import { expect } from 'vitest';
import { pausedAt } from '../../../src/runtime/model/hold.ts';
import { isRefusal } from '../../../src/runtime/model/refusal.ts';
import type { Lease } from '../../../src/runtime/model/task.ts';
import type { AttemptEnd } from '../../../src/runtime/ports.ts';
import { accepted, codeOf, DONE, type MakeStore, ON_GPU, ON_WORKER, OWNER, RUNNER, story } from './world.ts';

const DISPATCHER = { by: 'dispatcher' } as const;
const LATER = 3_600_000;

export function claimStories(make: MakeStore): void {
  story(make, 'of ten claims at once one gets the lease', async (world) => {
    const ref = await world.enqueue('build');
    const claims = await Promise.all(Array.from({ length: 10 }, () => world.store.claim(ref, ON_WORKER, DISPATCHER)));
    const winners = claims.filter((one) => !isRefusal(one)).map(accepted);
    expect(winners).toHaveLength(1);
    expect(new Set(claims.map(codeOf))).toEqual(new Set([undefined, 'stale']));
    expect(winners[0]?.lease).toMatchObject({ task: ref, attempt: 1, epoch: world.store.epoch });
    expect(winners[0]?.task).toMatchObject({ state: 'claimed', attempt: 1, spent: 1, route: ON_WORKER });
    expect(Buffer.from(winners[0]?.bytes ?? []).toString()).toContain('Do it.');
  });

  story(make, 'a lease is plain JSON', async (world) => {
    await world.enqueue('build');
    const lease: Lease = JSON.parse(JSON.stringify(await world.claim('build')));
    accepted(await world.store.started(lease));
    accepted(await world.store.end(lease, DONE, RUNNER));
    expect(await world.stateOf('build')).toBe('done');
  });

  story(make, 'an attempt is claimed, runs, and names its remote job', async (world) => {
    await world.enqueue('ask');
    const lease = await world.claim('ask', ON_GPU);
    accepted(await world.store.started(lease));
    expect(await world.openTask('ask')).toMatchObject({ state: 'running', attempt: 1 });
    accepted(await world.store.jobAccepted(lease, 'job-41'));
    expect(await world.openTask('ask')).toMatchObject({ state: 'running', job_id: 'job-41' });
  });

  story(make, 'what can not run yet can not be claimed', async (world) => {
    await world.enqueue('first');
    const waiting = await world.enqueue('second', { depends_on: ['first'] });
    const tomorrow = await world.enqueue('tomorrow', { not_before: new Date(world.now() + LATER).toISOString() });
    for (const ref of [waiting, tomorrow])
      expect(codeOf(await world.store.claim(ref, ON_WORKER, DISPATCHER))).toBe('stale');
    expect(await world.openTask('second')).toMatchObject({ state: 'queued', attempt: 0, spent: 0 });
  });

  story(make, 'nothing is claimed while all, or its project, is paused', async (world) => {
    const ref = await world.enqueue('build');
    const other = await world.enqueue('build', {}, await world.under.project('blog'));
    await world.store.hold({ of: 'project', project: world.shop }, { kind: 'pause', reason: 'lunch' }, OWNER);
    expect(codeOf(await world.store.claim(ref, ON_WORKER, DISPATCHER))).toBe('stale');
    expect(pausedAt(world.store.holds(), Date.now())).toMatchObject({ all: false, projects: new Set([world.shop]) });
    await world.store.hold({ of: 'fleet' }, { kind: 'pause', reason: 'night' }, OWNER);
    expect(codeOf(await world.store.claim(other, ON_WORKER, DISPATCHER))).toBe('stale');
    await world.store.resume({ of: 'fleet' }, OWNER);
    await world.store.resume({ of: 'project', project: world.shop }, OWNER);
    accepted(await world.store.claim(ref, ON_WORKER, DISPATCHER));
    accepted(await world.store.claim(other, ON_WORKER, DISPATCHER));
  });

  story(make, 'a task that is not there can not be claimed', async (world) => {
    expect(isRefusal(await world.store.claim(world.ref('nobody'), ON_WORKER, DISPATCHER))).toBe(true);
  });

  const stale: readonly [string, (lease: Lease) => Lease][] = [
    ['of an earlier attempt', (lease) => ({ ...lease, attempt: lease.attempt - 1 || 99 })],
    ['of another epoch', (lease) => ({ ...lease, epoch: `not-${lease.epoch}` })],
    ['with another token', (lease) => ({ ...lease, token: 'f'.repeat(lease.token.length) })],
  ];
  for (const [which, spoil] of stale) {
    story(make, `a report ${which} is refused and changes nothing`, async (world) => {
      await world.enqueue('build');
      const lease = await world.claim('build');
      const before = await world.openTask('build');
      const reports = [
        await world.store.started(spoil(lease)),
        await world.store.jobAccepted(spoil(lease), 'job-1'),
        await world.store.end(spoil(lease), DONE, RUNNER),
      ];
      expect(reports.map(codeOf)).toEqual(['stale', 'stale', 'stale']);
      expect(await world.openTask('build')).toEqual(before);
      const recorded = await world.under.refusedReports?.();
      if (recorded)
        expect(recorded.map(({ task, attempt }) => ({ task, attempt }))).toEqual(
          Array(3).fill({ task: lease.task, attempt: spoil(lease).attempt }),
        );
      accepted(await world.store.end(lease, DONE, RUNNER)); // the true one still counts
    });
  }

  story(make, 'of two ends the first stands', async (world) => {
    await world.enqueue('build');
    const lease = await world.run('build');
    const ends: AttemptEnd[] = ['one', 'two'].map((result) => ({
      kind: 'finished',
      outcome: { state: 'done', result },
    }));
    const answers = await Promise.all(ends.map((end) => world.store.end(lease, end, RUNNER)));
    expect(answers.map(codeOf)).toEqual([undefined, 'stale']);
    expect(await world.textOf('build')).toContain('one');
    expect(await world.textOf('build')).not.toContain('two');
  });

  story(
    make,
    'the lease of an attempt that was requeued is dead, and the next attempt has a token of its own',
    async (world) => {
      await world.enqueue('build');
      const first = await world.run('build');
      const back: AttemptEnd = {
        kind: 'requeue',
        class: 'crash',
        reason: 'exit code 1',
        not_before: world.now() - 1,
        spent: true,
      };
      accepted(await world.store.end(first, back, RUNNER));
      const second = await world.claim('build');
      expect(second.attempt).toBe(2);
      expect(second.token).not.toBe(first.token);
      expect(codeOf(await world.store.end(first, DONE, RUNNER))).toBe('stale');
      expect(await world.openTask('build')).toMatchObject({ state: 'claimed', attempt: 2 });
    },
  );
}
