import { expect } from 'vitest';
import type { Change, TaskQuery } from '../../../src/runtime/ports.ts';
import { accepted, FAILED, type MakeStore, OWNER, RUNNER, story, type World } from './world.ts';

export function listStories(make: MakeStore): void {
  story(make, 'by state, project and group', async (world) => {
    const blog = await world.under.project('blog');
    await world.enqueue('a', { group: 'night' });
    await world.enqueue('b', { group: 'night' });
    await world.enqueue('c');
    await world.enqueue('d', { group: 'night' }, blog);
    await world.finish('a');
    expect(await idsOf(world, { states: ['queued'] })).toEqual(['b', 'c', 'd']);
    expect(await idsOf(world, { states: ['done', 'failed'] })).toEqual(['a']);
    expect(await idsOf(world, { group: 'night' })).toEqual(['a', 'b', 'd']);
    expect(await idsOf(world, { group: 'night', project: world.shop })).toEqual(['a', 'b']);
    expect(await idsOf(world, { project: blog })).toEqual(['d']);
    expect(await idsOf(world, {})).toEqual(['a', 'b', 'c', 'd']);
  });

  story(make, 'open ones in order of arrival, then finished ones, newest first', async (world) => {
    for (const id of ['a', 'b', 'c', 'd']) await world.enqueue(id);
    for (const id of ['a', 'c']) await world.finish(id);
    const { tasks } = await world.store.list({ limit: 10 });
    expect(tasks.map(({ id }) => id)).toEqual(['b', 'd', 'c', 'a']);
  });

  story(make, 'pages of any size show every task once', async (world) => {
    const ids = Array.from({ length: 11 }, (_, i) => `task-${String(i).padStart(2, '0')}`);
    (
      await world.store.enqueue(
        ids.map((id) => world.task(id)),
        OWNER,
      )
    ).map(accepted);
    for (const id of ids.slice(0, 5)) await world.finish(id);
    for (const limit of [1, 2, 3, 5, 6, 11, 20]) {
      const pages = await pagesOf(world, { limit });
      expect(pages.flat().sort()).toEqual(ids);
      expect(pages.slice(0, -1).every((page) => page.length <= limit && page.length > 0)).toBe(true);
    }
  });

  story(make, 'a filter holds over pages', async (world) => {
    const ids = Array.from({ length: 9 }, (_, i) => `task-${i}`);
    const tasks = ids.map((id, i) => world.task(id, i % 2 === 0 ? { group: 'even' } : {}));
    (await world.store.enqueue(tasks, OWNER)).map(accepted);
    for (const id of ids.slice(0, 4)) await world.finish(id);
    expect((await pagesOf(world, { group: 'even', limit: 2 })).flat().sort()).toEqual([
      'task-0',
      'task-2',
      'task-4',
      'task-6',
      'task-8',
    ]);
  });

  story(make, 'what changed since a time', async (world) => {
    for (const id of ['old', 'moved', 'ended']) await world.enqueue(id);
    const before = (await world.openTask('ended')).changed_at;
    await world.laterThan(before);
    const since = world.now();
    await world.claim('moved');
    await world.finish('ended');
    expect(await idsOf(world, { changed_since: since })).toEqual(['ended', 'moved']);
    expect(await idsOf(world, { changed_since: since + 3_600_000 })).toEqual([]);
    expect(await idsOf(world, { changed_since: 0 })).toEqual(['ended', 'moved', 'old']);
  });

  story(make, 'counts by project and state', async (world) => {
    const blog = await world.under.project('blog');
    for (const id of ['a', 'b', 'c', 'd']) await world.enqueue(id);
    await world.finish('a');
    accepted(await world.store.end(await world.run('b'), FAILED, RUNNER));
    await world.run('c');
    const none = { queued: 0, claimed: 0, running: 0, unknown: 0, done: 0, failed: 0, cancelled: 0 };
    expect(world.store.counts().get(world.shop)).toEqual({ ...none, queued: 1, running: 1, done: 1, failed: 1 });
    expect(world.store.counts().get(blog)).toEqual(none);
  });

  story(make, 'every change is heard once, in order, when it can be seen', async (world) => {
    const heard: Change[] = [];
    const unseen: string[] = [];
    const stop = world.store.subscribe((changes) => {
      heard.push(...changes);
      for (const { after } of changes) {
        const open = after && world.store.open().has(`${after.project}/${after.id}`);
        if (after && open === 'finished_at' in after) unseen.push(after.id);
      }
    });
    await world.enqueue('a');
    await world.finish('a');
    stop();
    await world.enqueue('b');
    const states = heard
      .filter(({ after }) => after?.id === 'a')
      .map(({ before, after }) => `${before?.state ?? 'new'} → ${after?.state}`);
    expect(states).toEqual(['new → queued', 'queued → claimed', 'claimed → running', 'running → done']);
    const seqs = heard.map(({ seq }) => seq);
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
    expect(unseen).toEqual([]);
    expect(heard.some(({ after }) => after?.id === 'b')).toBe(false);
  });
}

async function idsOf(world: World, query: Omit<TaskQuery, 'limit'>): Promise<string[]> {
  return (await world.store.list({ ...query, limit: 100 })).tasks.map(({ id }): string => id).sort();
}

async function pagesOf(world: World, query: TaskQuery): Promise<string[][]> {
  const pages: string[][] = [];
  let cursor: string | undefined;
  do {
    const page = await world.store.list({ ...query, ...(cursor !== undefined && { cursor }) });
    pages.push(page.tasks.map(({ id }) => id));
    cursor = page.next;
    if (pages.length > 100) throw new Error('the pages do not end');
  } while (cursor !== undefined);
  return pages;
}
