import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { DiskFiles } from '../../../src/runtime/io/files.ts';
import { readStop, writeStop } from '../../../src/runtime/runs/stop.ts';

const files = new DiskFiles();
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ym-stop-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

it('the first reason stands', async () => {
  await writeStop(files, dir, { why: 'budget', reason: 'it cost $2', at: 7 });
  await writeStop(files, dir, { why: 'cancelled', reason: 'a person' });
  expect(await readStop(files, dir)).toEqual({ why: 'budget', reason: 'it cost $2', at: 7 });
});

it.each(['', '{"why":"bud', 'null', '7', '{"why":"weather"}'])(
  'what is no record (%j) stops nobody from judging',
  async (text) => {
    writeFileSync(join(dir, 'stopped'), text);
    expect(await readStop(files, dir)).toBeUndefined();
  },
);
