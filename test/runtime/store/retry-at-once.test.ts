import { expect, it } from 'vitest';
import { TaskId } from '../../../src/runtime/model/ids.ts';
import { isRefusal } from '../../../src/runtime/model/refusal.ts';
import { parseTask } from '../../../src/runtime/taskfile/parse.ts';
import { Machine } from './power-cut/machine.ts';

/* Two people (or a person and a client) try the same failed task again in the same moment: that is one task more. */

const AGENT = { amend: async () => ({ keys: new Map([['agent', 'codex']]) }), refuses: () => undefined };

it.each([undefined, AGENT])('two retries at once of a task that has failed make one task', async (order) => {
  const machine = new Machine(1, 1_000_000);
  await machine.setUp();
  expect(await machine.open()).toBe(true);
  const [project] = machine.projects;
  if (!project) throw new Error('no project');
  const ref = { project: project.id, id: TaskId.parse('build') };
  const bytes = Buffer.from('---\nagent: claude\n---\nBuild it.\n');
  const parsed = parseTask(bytes);
  if (isRefusal(parsed)) throw new Error(parsed.message);
  await machine.store.enqueue([{ ...ref, ...parsed, bytes, source: 'call', enqueued_by: 'client' }], { by: 'owner' });
  await machine.store.cancel(ref, 'not now', { by: 'owner' });
  await machine.converge();
  const answers = await Promise.all([
    machine.store.retry(ref, { by: 'owner', call: 'a' }, order),
    machine.store.retry(ref, { by: 'owner', call: 'b' }, order),
    machine.store.retry(ref, { by: 'owner', call: 'a' }, order),
  ]);
  expect(answers).toMatchObject([{ state: 'queued' }, { code: 'not_possible' }, { state: 'queued' }]);
  expect(machine.store.open().size).toBe(1);
});
