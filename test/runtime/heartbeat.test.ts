import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Heartbeat } from '../../src/runtime/heartbeat.ts';
import { DiskFiles } from '../../src/runtime/io/files.ts';
import { SkippingClock } from '../inbox/world.ts';
import { until } from '../support/world.ts';

const none = { queued: 0, claimed: 0, running: 0, unknown: 0, done: 0, failed: 0, cancelled: 0 };

function heartbeat(path: string) {
  const clock = new SkippingClock();
  const said: string[] = [];
  const counts = new Map([
    ['p_1', { ...none, queued: 3, running: 2, done: 9 }],
    ['p_2', { ...none, queued: 1, claimed: 1 }],
  ]);
  const store = { counts: () => counts, outbox: () => new Map(), holds: () => new Map() };
  const say = (_level: string, message: string) => void said.push(message);
  const ports = { path, clock, store, say, version: '1.2.3', pid: 77, files: new DiskFiles() };
  return { clock, said, beat: new Heartbeat(ports as never) };
}

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'ym-beat-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

test('it beats every 30 seconds and says at the end that it has stopped', async () => {
  const path = join(folder(), 'heartbeat.json');
  const read = () => JSON.parse(readFileSync(path, 'utf8')) as { ts: string; status: string };
  const there = () => existsSync(path);
  const { clock, beat } = heartbeat(path);
  beat.start();
  beat.start();
  await until(there);
  const first = read();
  expect(first).toMatchObject({ active: 3, queued: 4, pid: 77, version: '1.2.3', status: 'running' });
  expect(clock.pending).toBe(1);
  clock.skip(30_000);
  await until(() => Date.parse(read().ts) - Date.parse(first.ts) >= 30_000);
  await beat.stop();
  await beat.stop();
  expect(read().status).toBe('stopped');
  expect(clock.pending).toBe(0);
});

test('where it can not be written that is said once, and nothing else happens', async () => {
  const { clock, said, beat } = heartbeat(join(folder(), 'not', 'there', 'heartbeat.json'));
  beat.start();
  clock.skip(30_000);
  clock.skip(30_000);
  await beat.stop();
  expect(said).toEqual(['the heartbeat could not be written']);
});
