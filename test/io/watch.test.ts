import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { KernelWatcher } from '../../src/runtime/io/watch.ts';

function folder(): string {
  const root = mkdtempSync(join(tmpdir(), 'ym-watch-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const dir = join(root, 'inbox');
  mkdirSync(dir);
  return dir;
}

function watch(dir: string, onDegraded?: (dir: string, reason: string) => void) {
  const heard: (string | null)[] = [];
  const watcher = new KernelWatcher({ retryMs: 20, ...(onDegraded ? { degraded: onDegraded } : {}) });
  const watching = watcher.watch(dir, (name) => heard.push(name));
  onTestFinished(() => watching.close());
  return { heard, watching };
}

const eventually = (check: () => void) => vi.waitFor(check, { timeout: 10_000 });

/** inotify watches that this process holds, as the kernel counts them. */
function kernelWatches(): number {
  return readdirSync('/proc/self/fdinfo').reduce((sum, fd) => {
    try {
      return sum + (readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8').match(/^inotify wd/gm)?.length ?? 0);
    } catch {
      return sum; // a descriptor that closed meanwhile
    }
  }, 0);
}

it('names what changed in the folder', async () => {
  const dir = folder();
  const { heard } = watch(dir);
  writeFileSync(join(dir, 'a.md'), 'x');
  await eventually(() => expect(heard).toContain('a.md'));
});

it.runIf(process.platform === 'linux')('takes one kernel watch for a folder of 500 files, and gives it back', () => {
  const dir = folder();
  for (let i = 0; i < 500; i++) writeFileSync(join(dir, `${i}.md`), 'x');
  const before = kernelWatches();
  const { watching } = watch(dir);
  expect(kernelWatches() - before).toBe(1);
  watching.close();
  expect(kernelWatches()).toBe(before);
});

it('survives that the folder is removed and made again', async () => {
  const dir = folder();
  const { heard } = watch(dir);
  rmSync(dir, { recursive: true });
  await eventually(() => expect(heard).toContain(null));
  mkdirSync(dir);
  heard.length = 0;
  await eventually(() => expect(heard).toContain(null)); // watched again: look, for nothing was heard meanwhile
  writeFileSync(join(dir, 'b.md'), 'x');
  await eventually(() => expect(heard).toContain('b.md'));
});

it('follows the name, not the folder that was moved away', async () => {
  const dir = folder();
  const { heard } = watch(dir);
  renameSync(dir, `${dir}.old`);
  await eventually(() => expect(heard).toContain(null));
  mkdirSync(dir);
  heard.length = 0;
  await eventually(() => expect(heard).toContain(null));
  writeFileSync(join(dir, 'c.md'), 'x');
  await eventually(() => expect(heard).toContain('c.md'));
});

it('says once that there is no watch, and watches as soon as it can', async () => {
  const dir = folder();
  rmSync(dir, { recursive: true });
  const said: string[] = [];
  const { heard } = watch(dir, (_dir, reason) => said.push(reason));
  expect(said).toEqual(['the folder is not there']);
  mkdirSync(dir);
  await eventually(() => expect(heard).toContain(null));
  expect(said).toHaveLength(1);
});

it('says nothing after it was closed', async () => {
  const dir = folder();
  const { heard, watching } = watch(dir);
  const other = watch(dir);
  watching.close();
  writeFileSync(join(dir, 'a.md'), 'x');
  await eventually(() => expect(other.heard).toContain('a.md'));
  expect(heard).toEqual([]);
});
