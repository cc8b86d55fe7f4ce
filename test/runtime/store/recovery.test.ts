import { describe, expect, it } from 'vitest';
import { type ProjectId, TaskId } from '../../../src/runtime/model/ids.ts';
import { isRefusal } from '../../../src/runtime/model/refusal.ts';
import type { RunRoute } from '../../../src/runtime/model/route.ts';
import type { Lease } from '../../../src/runtime/model/task.ts';
import type { NewTask } from '../../../src/runtime/ports.ts';
import { parseTask } from '../../../src/runtime/taskfile/parse.ts';
import { Machine } from './power-cut/machine.ts';

const INBOX = '/code/shop/.agent-queue/inbox';
const WORKER: RunRoute = { to: 'agent', agent: 'worker', kind: 'command', rules: [] };

async function start(segmentBytes = 1_000_000): Promise<Machine> {
  const machine = new Machine(1, segmentBytes);
  await machine.setUp();
  expect(await machine.open()).toBe(true);
  return machine;
}

async function reopen(machine: Machine): Promise<void> {
  await machine.kill();
  expect(await machine.open()).toBe(true);
  await machine.converge();
}

function shop(machine: Machine): ProjectId {
  const project = machine.projects[0];
  if (!project) throw new Error('no project');
  return project.id;
}

function ref(machine: Machine, id: string) {
  return { project: shop(machine), id: TaskId.parse(id) };
}

async function enqueue(machine: Machine, id: string): Promise<void> {
  const bytes = Buffer.from(`Do ${id}.\n`);
  const parsed = parseTask(bytes);
  if (isRefusal(parsed)) throw new Error(parsed.message);
  const task: NewTask = { ...ref(machine, id), ...parsed, bytes, source: 'call', enqueued_by: 'client' };
  const [answer] = await machine.store.enqueue([task], { by: 'owner' });
  expect(answer).toMatchObject({ created: true });
}

async function claim(machine: Machine, id: string): Promise<Lease> {
  const claimed = await machine.store.claim(ref(machine, id), WORKER, { by: 'dispatcher' });
  if (isRefusal(claimed)) throw new Error(claimed.message);
  await machine.store.started(claimed.lease);
  return claimed.lease;
}

async function finish(machine: Machine, id: string): Promise<void> {
  const lease = await claim(machine, id);
  const end = { kind: 'finished', outcome: { state: 'done', result: `${id} is done.` } } as const;
  expect(await machine.store.end(lease, end, { by: 'runner' })).toBeUndefined();
}

async function states(machine: Machine): Promise<Record<string, string>> {
  const { tasks } = await machine.store.list({ limit: 100 });
  return Object.fromEntries(tasks.map(({ id, state }) => [id, state]));
}

async function homeFiles({ files }: Machine, dir = '/home'): Promise<Map<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>();
  for (const { name, kind } of (await files.list(dir)) ?? []) {
    const path = `${dir}/${name}`;
    if (kind === 'dir')
      for (const [inner, bytes] of await homeFiles({ files } as Machine, path)) found.set(inner, bytes);
    else found.set(path, (await files.read(path)) ?? new Uint8Array());
  }
  return found;
}

/** The home as it was, or none. */
async function putHome(machine: Machine, kept: ReadonlyMap<string, Uint8Array>): Promise<void> {
  for (const path of (await homeFiles(machine)).keys()) await machine.files.remove(path);
  for (const [path, bytes] of kept) await machine.files.replace(path, bytes);
}

describe('a home that is lost', () => {
  it('is made again from the queue: what is finished is listed, what ran is unknown, nothing runs by itself', async () => {
    const machine = await start();
    for (const id of ['one', 'two', 'three']) await enqueue(machine, id);
    await finish(machine, 'one');
    await machine.store.cancel(ref(machine, 'two'), 'not wanted', { by: 'owner' });
    await claim(machine, 'three');
    await machine.converge();
    await machine.kill();
    await putHome(machine, new Map());
    await reopen(machine);
    expect(await states(machine)).toEqual({ one: 'done', two: 'cancelled', three: 'unknown' });
    expect(machine.store.counts().get(shop(machine))).toMatchObject({ done: 1, cancelled: 1, unknown: 1, queued: 0 });

    await reopen(machine);
    expect(await states(machine)).toEqual({ one: 'done', two: 'cancelled', three: 'unknown' });
    expect(await machine.store.retry(ref(machine, 'three'), { by: 'person' })).toMatchObject({ state: 'queued' });
    await machine.converge();
    expect(String(Buffer.from((await machine.files.read(`${INBOX}/three.md`)) ?? []))).toBe('Do three.\n');
    const again = await claim(machine, 'three');
    expect(again.attempt).toBe(2);
  });
});

describe('a home from an older backup', () => {
  it('believes the files: nothing that ended runs again, the newest attempt counts, later results are listed', async () => {
    const machine = await start();
    for (const id of ['ends', 'runs', 'waits']) await enqueue(machine, id);
    await machine.converge();
    await machine.close();
    const backup = await homeFiles(machine);
    await machine.open();
    await finish(machine, 'ends');
    await claim(machine, 'runs');
    await enqueue(machine, 'later');
    await finish(machine, 'later');
    await machine.converge();
    await machine.close();
    await putHome(machine, backup);
    await reopen(machine);

    expect(await states(machine)).toEqual({ ends: 'done', runs: 'claimed', waits: 'queued', later: 'done' });
    expect(machine.store.counts().get(shop(machine))).toMatchObject({ done: 2, claimed: 1, queued: 1 });
    expect(await machine.store.get(ref(machine, 'runs'))).toMatchObject({ attempt: 1 });
  });
});

describe('damage', () => {
  it('in the middle of a segment costs only what it hit; what the files say of that stands', async () => {
    const machine = await start();
    for (const id of ['before', 'hit', 'after']) await enqueue(machine, id);
    await finish(machine, 'hit');
    await enqueue(machine, 'last');
    await machine.converge();
    await machine.kill();
    const [path, bytes] = [...(await homeFiles(machine))].find(([name]) => name.startsWith('/home/journal/')) ?? [];
    if (!path || !bytes) throw new Error('no journal');
    const at = Buffer.from(bytes).indexOf('"type":"task_finished"');
    await machine.files.replace(path, Buffer.from(bytes).fill('#', at, at + 8));
    await reopen(machine);
    expect(await states(machine)).toEqual({ before: 'queued', hit: 'done', after: 'queued', last: 'queued' });
    await finish(machine, 'after');
  });

  it('of the snapshot is survived: it is kept aside, the journal and the files tell the rest', async () => {
    const machine = await start();
    for (const id of ['one', 'two']) await enqueue(machine, id);
    await finish(machine, 'one');
    await machine.converge();
    await machine.store.checkpoint();
    await machine.kill();
    await machine.files.replace('/home/snapshot.json', Buffer.from('{"no": "snapshot"}'));
    await reopen(machine);
    expect(await states(machine)).toEqual({ one: 'done', two: 'queued' });
    expect([...(await homeFiles(machine)).keys()].some((path) => path.startsWith('/home/quarantine/'))).toBe(true);
  });
});

describe('leftovers of others', () => {
  it('are listed as unknown, or go on at their provider; none of them is run', async () => {
    const machine = await start();
    await machine.close();
    const write = (name: string, text: string) => machine.files.create(`${INBOX}/${name}`, Buffer.from(text));
    await write('seed.md.dispatched', 'Started by somebody.\n');
    await write('job.md', 'Sent away.\n');
    await write(
      'job.md.delegated',
      JSON.stringify({ job_id: 'j-7', provider: 'gpu', project: 'shop', task_file: 'job.md', started_at: 'yesterday' }),
    );
    await write('asked.md', 'Perhaps sent away.\n');
    await write('asked.md.delegated', JSON.stringify({ provider: 'gpu', project: 'shop', task_file: 'asked.md' }));
    await reopen(machine);
    expect(await states(machine)).toEqual({ seed: 'unknown', job: 'running', asked: 'unknown' });
    const job = await machine.store.get(ref(machine, 'job'));
    expect(job).toMatchObject({ job_id: 'j-7', route: { provider: 'gpu' }, attempt: 1, spent: 1 });
    await reopen(machine);
    expect(await states(machine)).toEqual({ seed: 'unknown', job: 'running', asked: 'unknown' });
  });
});
