import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { findLeftovers } from '../../src/runtime/inbox/found.ts';
import { world } from './world.ts';

it('tells what the seeds and earlier runtimes left, and decides nothing', async () => {
  const { queue, context } = world();
  const put = (name: string, text: string) => writeFileSync(join(queue.inbox, name), text);
  put('waiting.md', 'a drop is no leftover');
  put('seed.md.dispatched', 'body');
  put('ours.md.dispatched', 'body');
  put('ours.attempt.json', '{"epoch":"e","attempt":2,"run_dir":"/r"}');
  put('torn.md.dispatched', 'body');
  put('torn.attempt.json', '{"epoch":');
  put('orphan.attempt.json', '{"epoch":"e","attempt":1,"run_dir":"/r"}');
  put('job.md', 'body');
  put('job.md.delegated', '{"project":"shop","task_file":"job.md","job_id":"j1","provider":"p","started_at":"t"}');
  put('both.md.dispatched', 'body');
  put('both.md.delegated', 'torn');
  put('alone.md.delegated', '{"job_id":"j2"}');
  put('known.md.dispatched', 'body');
  put('a:b.md.dispatched', 'body');
  mkdirSync(join(queue.inbox, 'dir.md.dispatched'));
  symlinkSync('/etc/hostname', join(queue.inbox, 'link.md.delegated'));

  const found = await findLeftovers(context.files, queue, (id) => id === 'known');
  expect(found).toMatchObject([
    { kind: 'unusable', name: 'a:b.md.dispatched' },
    { kind: 'delegated', id: 'alone', task: 'missing', marker: { job_id: 'j2' } },
    { kind: 'delegated', id: 'both', task: 'dispatched' },
    { kind: 'delegated', id: 'job', task: 'md', marker: { job_id: 'j1', provider: 'p' } },
    { kind: 'attempt', id: 'orphan', attempt: { attempt: 1 } },
    { kind: 'dispatched', id: 'ours', attempt: { epoch: 'e', attempt: 2 } },
    { kind: 'dispatched', id: 'seed' },
    { kind: 'dispatched', id: 'torn' },
  ]);
  for (const name of ['both', 'seed', 'torn']) {
    const one = found.find((leftover) => 'id' in leftover && leftover.id === name);
    expect(one && ('marker' in one || 'attempt' in one)).toBe(false);
  }
});

it('finds nothing where nothing is', async () => {
  const { context, queue } = world();
  expect(await findLeftovers(context.files, { ...queue, inbox: join(queue.inbox, 'none') }, () => false)).toEqual([]);
});
