import { existsSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { removeOldHold, whileHeld } from '../../../../src/runtime/sessions/typing/hold.ts';
import { VirtualClock } from '../../../fakes/virtual-clock.ts';
import { sessionWorld } from './world.ts';

test('a hold is refreshed while it is needed, and removed however that ends', async () => {
  const { run_dir, files } = sessionWorld();
  const clock = new VirtualClock();
  const hold = join(run_dir, 'hold');
  let made = 0;
  await whileHeld({ files, clock }, run_dir, async () => {
    made += 1;
    utimesSync(hold, 1, 1);
    await clock.advance(3_000);
    expect(statSync(hold).mtimeMs).toBeGreaterThan(1_000_000);
  });
  expect(made).toBe(1);
  const broken = whileHeld({ files, clock }, run_dir, async () => {
    throw new Error('the terminal is gone');
  });
  await expect(broken).rejects.toThrow('the terminal is gone');
  await clock.advance(20_000);
  expect(existsSync(hold)).toBe(false);
  expect(clock.pending).toBe(0);
});

test('one that a crash has left is removed when it is old, and not before', async () => {
  const { run_dir, files } = sessionWorld();
  const hold = join(run_dir, 'hold');
  writeFileSync(hold, '');
  const clock = new VirtualClock(Date.now());
  await removeOldHold({ files, clock }, run_dir);
  expect(existsSync(hold)).toBe(true);
  await clock.advance(11_000);
  expect(existsSync(hold)).toBe(false);
});
