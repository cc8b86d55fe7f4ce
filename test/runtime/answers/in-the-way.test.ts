import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { newFile, patchTo, saying, World } from './world.ts';

vi.setConfig({ testTimeout: 120_000 });

let world: World;
beforeEach(async () => {
  world = await new World().begin();
});
afterEach(() => world.end());

describe('what git would remove without a word is left as it is', () => {
  const again = async (id: string, change: (dir: string) => void) => {
    const first = await world.task(id);
    await world.judge(first, saying(patchTo('zwei')));
    await world.back(first.lease);
    change(world.path(id));
    return world.judge(await world.task(id), saying(newFile('new.txt', 'n')));
  };

  it('a folder where a file was', async () => {
    const judged = await again('a', (dir) => {
      rmSync(join(dir, 'src/a.txt'));
      world.write('src/a.txt/mine', 'mine', dir);
    });
    expect(judged).toMatchObject({ kind: 'failed', failure: { class: 'invalid', final: true } });
    expect(world.read(join(world.path('a'), 'src/a.txt/mine'))).toBe('mine');
  });

  it('a file where a folder was', async () => {
    const judged = await again('b', (dir) => {
      rmSync(join(dir, 'src'), { recursive: true });
      world.write('src', 'mine', dir);
    });
    expect(judged).toMatchObject({ kind: 'failed', failure: { class: 'invalid', final: true } });
    expect(world.read(join(world.path('b'), 'src'))).toBe('mine');
  });

  it('a file that is only gone comes back', async () => {
    const judged = await again('c', (dir) => rmSync(join(dir, 'src/a.txt')));
    expect(judged).toMatchObject({ kind: 'done' });
  });
});

it('names that no file system takes end a task, and are not tried for ever', async () => {
  const long = await world.judge(await world.task('a'), saying(newFile(`src/${'x'.repeat(300)}`, 'n')));
  expect(long).toMatchObject({ kind: 'failed', failure: { class: 'permission', final: true } });
  const folder = Array.from({ length: 4 }, () => 'd'.repeat(250)).join('/');
  const many = Array.from({ length: 4_500 }, (_, n) => newFile(`${folder}/${n}`, 'n')).join('');
  const listed = await world.judge(await world.task('b'), saying(many));
  expect(listed).toMatchObject({ kind: 'failed', failure: { class: 'permission', final: true } });
});
