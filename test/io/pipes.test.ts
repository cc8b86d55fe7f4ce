import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemPipes } from '../../src/runtime/io/pipes.ts';

let dir: string;
let pipe: string;
const pipes = systemPipes();

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ym-pipes-'));
  pipe = join(dir, 'answer');
  execFileSync('mkfifo', ['-m', '600', pipe]);
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** A hook that waits, in a process of its own; what it has read when it ends. */
function waiting(script = 'exec cat "$1"'): {
  readonly read: Promise<string>;
  readonly opened: Promise<unknown>;
  readonly pid: number;
} {
  const child = spawn('/bin/sh', ['-c', script, 'sh', pipe], { stdio: ['ignore', 'pipe', 'inherit'] });
  const parts: Buffer[] = [];
  child.stdout.on('data', (part: Buffer) => parts.push(part));
  const read = once(child, 'close').then(() => Buffer.concat(parts).toString());
  return { read, opened: once(child.stdout, 'data'), pid: child.pid ?? 0 };
}

/** The reader may need a moment until it stands at the pipe. */
async function answered(text: string, at = pipe): Promise<'taken' | 'nobody'> {
  for (const end = Date.now() + 10_000; Date.now() < end; ) {
    if ((await pipes.answer(at, text)) === 'taken') return 'taken';
    await once(AbortSignal.timeout(5), 'abort');
  }
  return 'nobody';
}

test('whoever waits gets the whole answer, and the end of it', async () => {
  const reader = waiting();
  expect(await answered('{"decision":"allow"} é 日本\n')).toBe('taken');
  expect(await reader.read).toBe('{"decision":"allow"} é 日本\n');
});

test('an answer larger than a pipe holds arrives whole at a slow reader', async () => {
  const text = 'x'.repeat(300_000);
  const reader = waiting('exec <"$1"; head -c 10; sleep 0.3; exec cat');
  expect(await answered(text)).toBe('taken');
  expect((await reader.read).length).toBe(text.length);
});

test('an empty answer lets the reader go on with nothing', async () => {
  const reader = waiting();
  expect(await answered('')).toBe('taken');
  expect(await reader.read).toBe('');
});

test('nobody is there: no reader, no pipe, no folder', async () => {
  expect(await pipes.answer(pipe, 'allow')).toBe('nobody');
  expect(await pipes.answer(join(dir, 'other'), 'allow')).toBe('nobody');
  expect(await pipes.answer(join(dir, 'no', 'folder'), '')).toBe('nobody');
});

/** Tries until the reader has opened the pipe; what was said each time. */
async function triedOn(reader: { readonly opened: Promise<unknown> }, by = pipes): Promise<string[]> {
  const said: string[] = [];
  let opened = false;
  void reader.opened.then(() => {
    opened = true;
  });
  while (!opened) said.push(await by.answer(pipe, 'x'.repeat(300_000)));
  return said;
}

test('a reader that goes away in the middle got no answer', async () => {
  const reader = waiting('exec <"$1"; echo open; exec head -c 10');
  expect(new Set(await triedOn(reader))).toEqual(new Set(['nobody']));
  await reader.read;
});

test('a reader that stops reading is given up', async () => {
  const reader = waiting('exec <"$1"; echo open; exec sleep 20');
  expect(new Set(await triedOn(reader, systemPipes(100)))).toEqual(new Set(['nobody']));
  process.kill(reader.pid);
  await reader.read;
});

test('a file or a link in its place is left alone', async () => {
  const file = join(dir, 'file');
  writeFileSync(file, 'mine');
  expect(await pipes.answer(file, 'allow')).toBe('nobody');
  expect(readFileSync(file, 'utf8')).toBe('mine');
  const link = join(dir, 'link');
  symlinkSync(pipe, link);
  const reader = waiting();
  expect(await answered('through the pipe itself')).toBe('taken');
  expect(await reader.read).toBe('through the pipe itself');
  const second = waiting();
  expect(await pipes.answer(link, 'through a link')).toBe('nobody');
  expect(await answered('')).toBe('taken');
  expect(await second.read).toBe('');
});
