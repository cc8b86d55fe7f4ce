import { expect, test } from 'vitest';
import { State } from '../../../src/runtime/store/state.ts';
import { Machine } from './power-cut/machine.ts';

const WORK = { agent: 'claude', profile: 'work' };

async function start(): Promise<Machine> {
  const machine = new Machine(1, 1_000_000);
  await machine.setUp();
  expect(await machine.open()).toBe(true);
  return machine;
}

test('a paused account is still paused after a kill, from the journal and from a snapshot', async () => {
  const machine = await start();
  await machine.store.record(
    { type: 'profile_paused', ...WORK, why: 'limit', reason: 'weekly limit', until: 9_999 },
    { by: 'runner' },
  );
  const known = new Map(machine.store.profiles());
  await machine.kill();
  expect(await machine.open()).toBe(true);
  expect(new Map(machine.store.profiles())).toEqual(known);
  await machine.store.checkpoint();
  await machine.store.record({ type: 'profile_chosen', ...WORK }, { by: 'owner' });
  await machine.kill();
  expect(await machine.open()).toBe(true);
  expect(machine.store.profiles().get('claude/work')).toEqual({ ...known.get('claude/work'), chosen: true });
});

test('a snapshot that was written before there were accounts still loads', () => {
  const { profiles: _, ...older } = new State().toJSON();
  expect(State.from(older).profiles).toEqual(new Map());
});
