import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { until } from '../support/world.ts';
import { type Accepted, type Status, shell, World } from './world.ts';

const mayMount = process.getuid?.() === 0 && mountable();

function mountable(): boolean {
  const world = new World();
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', world.bin]);
  if (status === 0) execFileSync('umount', [world.bin]);
  void world.end();
  return status === 0;
}

test.skipIf(!mayMount)(
  'a full disk refuses with its reason, loses nothing, and is over when there is room',
  async () => {
    const world = new World({
      agents: { echo: { command: shell('cat "$1"') } },
      limits: { min_free_bytes: 0 },
    });
    mkdirSync(world.home, { recursive: true });
    const size = (kilobytes: number, ...more: string[]) =>
      execFileSync('mount', ['-t', 'tmpfs', '-o', [`size=${kilobytes}k`, ...more].join(','), 'tmpfs', world.home]);
    size(1_500);
    try {
      const client = await world.connect();
      const project = world.project('crowded');
      const kept: string[] = [];
      let refusal = '';
      for (let n = 0; n < 60 && refusal === ''; n++) {
        const body = 'x'.repeat(60_000);
        const answer = await client.call('enqueue_task', {
          project,
          body,
          id: `t-${n}`,
          not_before: '2099-01-01T00:00:00Z',
        });
        if (answer.isError) refusal = answer.content[0]?.text ?? '';
        else kept.push((answer.structuredContent as Accepted).id);
      }
      expect(refusal).toMatch(/"code":"full".*disk/);
      const listed = async () =>
        (await client.ask<Status>('list_tasks', { project, limit: 100 })).tasks.map(({ id }) => id).sort();
      expect(await listed()).toEqual([...kept].sort());
      expect((await world.cli(['status'])).code).toBe(0);

      await world.endRuntime('SIGKILL');
      expect(await listed()).toEqual([...kept].sort()); // the next runtime starts on the full disk
      size(20_000, 'remount');
      await until(async () => !(await client.call('enqueue_task', { project, body: 'y', id: 'after' })).isError);
      expect(await client.ended(project, 'after')).toMatchObject({ state: 'done' });
      expect(await listed()).toEqual([...kept, 'after'].sort());
    } finally {
      await world.endRuntime('SIGTERM');
      execFileSync('umount', ['-l', world.home]);
      await world.end();
    }
  },
  60_000,
);
