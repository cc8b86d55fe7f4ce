import { expect, it } from 'vitest';
import { TaskId } from '../../../src/runtime/model/ids.ts';
import { isRefusal } from '../../../src/runtime/model/refusal.ts';
import type { NewTask, RetryOrder } from '../../../src/runtime/ports.ts';
import { parseTask } from '../../../src/runtime/taskfile/parse.ts';
import { Machine } from './power-cut/machine.ts';

/* A retry with changes is in the journal before it is in the file; whatever ends the machine between, both agree again. */

const FILE = '/code/shop/.agent-queue/inbox/build.md';
const TO_CODEX: RetryOrder = {
  amend: async () => ({ keys: new Map([['agent', 'codex']]) }),
  refuses: () => undefined,
};

const ref = (machine: Machine) => {
  const [project] = machine.projects;
  if (!project) throw new Error('no project');
  return { project: project.id, id: TaskId.parse('build') };
};
const inInbox = async ({ files }: Machine) =>
  ((await files.list('/code/shop/.agent-queue/inbox')) ?? [])
    .map(({ name }) => name)
    .filter((name) => !name.startsWith('.'));
const text = async ({ files }: Machine) => Buffer.from((await files.read(FILE)) ?? []).toString();

async function waiting(): Promise<Machine> {
  const machine = new Machine(1, 1_000_000);
  await machine.setUp();
  expect(await machine.open()).toBe(true);
  const bytes = Buffer.from('---\nagent: claude\n---\nBuild it.\n');
  const parsed = parseTask(bytes);
  if (isRefusal(parsed)) throw new Error(parsed.message);
  const task: NewTask = { ...ref(machine), ...parsed, bytes, source: 'call', enqueued_by: 'client' };
  await machine.store.enqueue([task], { by: 'owner' });
  await machine.converge();
  return machine;
}

it.each(['kill', 'boot', 'none'] as const)('the file follows after a restart (%s)', async (how) => {
  const machine = await waiting();
  expect(await machine.store.retry(ref(machine), { by: 'owner' }, TO_CODEX)).toMatchObject({ state: 'queued' });
  if (how === 'kill') await machine.kill();
  else await machine.cutPower(how);
  expect(await machine.open()).toBe(true);
  await machine.converge();
  expect(await machine.store.get(ref(machine))).toMatchObject({ state: 'queued', spec: { agent: 'codex' } });
  expect([await inInbox(machine), await text(machine)]).toEqual([['build.md'], '---\nagent: codex\n---\nBuild it.\n']);
});

it('a cancel right behind it leaves nothing in the inbox', async () => {
  const machine = await waiting();
  await machine.store.retry(ref(machine), { by: 'owner' }, TO_CODEX);
  await machine.store.cancel(ref(machine), 'never mind', { by: 'owner' });
  await machine.kill();
  expect(await machine.open()).toBe(true);
  await machine.converge();
  expect(await inInbox(machine)).toEqual([]);
  expect(await machine.store.get(ref(machine))).toMatchObject({ state: 'cancelled' });
});

it('an edit that a person made before is kept beside the change, one made afterwards is an edit', async () => {
  const machine = await waiting();
  await machine.files.replace(FILE, Buffer.from('---\nagent: claude\n---\nBuild it well.\n'));
  await machine.store.retry(ref(machine), { by: 'owner' }, TO_CODEX);
  await machine.converge();
  expect(await text(machine)).toBe('---\nagent: codex\n---\nBuild it well.\n');
  await machine.files.replace(FILE, Buffer.from('---\nagent: claude\n---\nBuild it well.\n')); // a person takes it back
  await machine.store.reread(ref(machine));
  expect(await machine.store.get(ref(machine))).toMatchObject({ spec: { agent: 'claude' } });
  await machine.converge();
  expect(await text(machine)).toBe('---\nagent: claude\n---\nBuild it well.\n');
});
