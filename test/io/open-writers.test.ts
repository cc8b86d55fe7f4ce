import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { procWriters } from '../../src/runtime/io/open-writers.ts';

const onLinux = it.runIf(process.platform === 'linux');

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'ym-writers-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

onLinux('sees who writes, here and in another process, and not who reads', async () => {
  const dir = folder();
  const [written, read, idle, alien] = ['w', 'r', 'i', 'a'].map((name) => join(dir, name)) as [
    string,
    string,
    string,
    string,
  ];
  for (const path of [written, read, idle, alien]) writeFileSync(path, 'x');
  const fds = [openSync(written, 'a'), openSync(read, 'r')];
  const child = spawn('sh', ['-c', 'exec 9>>"$0"; echo open; read line', alien], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  const writing = await procWriters.among([written, read, idle, alien]);
  for (const fd of fds) closeSync(fd);
  child.stdin.end();
  await new Promise((resolve) => child.once('exit', resolve));
  expect([...writing].sort()).toEqual([alien, written].sort());
  expect(await procWriters.among([written, alien])).toEqual(new Set());
});

onLinux('knows a file also when the way to its folder is a link', async () => {
  const dir = folder();
  const linked = `${dir}-link`;
  symlinkSync(dir, linked);
  onTestFinished(() => rmSync(linked));
  const fd = openSync(join(dir, 'x'), 'w');
  expect(await procWriters.among([join(linked, 'x')])).toEqual(new Set([join(linked, 'x')]));
  closeSync(fd);
});

it('asks nobody about nothing', async () => expect(await procWriters.among([])).toEqual(new Set()));
