import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { KernelWatcher } from '../../src/runtime/io/watch.ts';

const kernel = vi.hoisted(() => ({ refuses: undefined as string | undefined }));

// The kernel's limits are per user: using them up for real would starve whatever else runs here.
vi.mock('node:fs', async (importOriginal) => {
  const fs = await importOriginal<typeof import('node:fs')>();
  const watch = (...args: Parameters<typeof fs.watch>) => {
    if (kernel.refuses) throw Object.assign(new Error(kernel.refuses), { code: kernel.refuses });
    return fs.watch(...args);
  };
  return { ...fs, watch };
});

it.each(['EMFILE', 'ENOSPC'])(
  'a kernel that refuses with %s leaves scans to do it, is said once, and is asked again',
  async (code) => {
    const dir = mkdtempSync(join(tmpdir(), 'ym-watch-'));
    onTestFinished(() => rmSync(dir, { recursive: true }));
    const said: string[] = [];
    const heard: (string | null)[] = [];
    kernel.refuses = code;
    const watcher = new KernelWatcher({ retryMs: 5, degraded: (_dir, reason) => said.push(reason) });
    const watching = watcher.watch(dir, (name) => heard.push(name));
    onTestFinished(() => watching.close());
    expect([said, heard]).toEqual([[code], []]);
    kernel.refuses = undefined;
    await vi.waitFor(() => expect(heard).toEqual([null]), { timeout: 10_000 });
    writeFileSync(join(dir, 'a.md'), 'x');
    await vi.waitFor(() => expect(heard).toContain('a.md'), { timeout: 10_000 });
    expect(said).toHaveLength(1);
  },
);
