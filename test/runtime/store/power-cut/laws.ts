import { keyOf, TaskId } from '../../../../src/runtime/model/ids.ts';
import { isRefusal } from '../../../../src/runtime/model/refusal.ts';
import type { FinishedTask, OpenTask } from '../../../../src/runtime/model/task.ts';
import { type QueueLayout, queueOf } from '../../../../src/runtime/taskfile/layout.ts';
import { parseTask } from '../../../../src/runtime/taskfile/parse.ts';
import { readResult } from '../../../../src/runtime/taskfile/result.ts';
import { Broken } from './acts.ts';
import type { Entry, Ledger } from './ledger.ts';
import type { Machine } from './machine.ts';

/** What the inbox's scan does with the files that nobody has taken yet. */
export async function scan(machine: Machine, ledger: Ledger): Promise<void> {
  const { files, store, projects } = machine;
  for (const { id: project, path } of projects) {
    const paths = queueOf(path);
    for (const { name } of (await files.list(paths.inbox)) ?? []) {
      if (!name.endsWith('.md')) continue;
      const id = TaskId.parse(name.slice(0, -3));
      if (store.open().has(keyOf({ project, id }))) continue;
      const bytes = await files.read(paths.task(id));
      const wish = bytes && [...ledger.wishes.values()].find(({ text }) => Buffer.compare(text, bytes) === 0);
      const parsed = bytes && wish ? parseTask(bytes) : undefined;
      if (!bytes || !parsed || isRefusal(parsed)) {
        await files.remove(paths.task(id)); // torn before anybody took it; its writer does it again
        continue;
      }
      const finished = await store.get({ project, id });
      if (finished && ledger.entries.get(keyOf({ project, id }))?.wish === wish)
        throw new Broken(`law 1: ${name} is still in the inbox, though it is ${finished.state}`);
      if (finished) await files.moveNew(paths.task(id), paths.task(TaskId.parse(`${id}-other`)));
      if (finished) return scan(machine, ledger);
      const task = {
        project,
        id,
        spec: parsed.spec,
        title: parsed.title,
        bytes,
        source: 'drop',
        enqueued_by: 'drop',
      } as const;
      const [answer] = await store.enqueue([task], { by: 'drop' });
      if (!answer || isRefusal(answer)) throw new Broken(`the drop ${name} was refused: ${answer?.message}`);
    }
  }
}

/** Once the files follow, each task is in exactly one folder, whole, and every list says the same. */
export async function checkLaws(machine: Machine, ledger: Ledger): Promise<void> {
  for (const entry of ledger.all()) {
    const folder = machine.projects.find(({ id }) => id === entry.ref.project)?.path;
    if (folder === undefined) throw new Error('no project');
    const paths = queueOf(folder);
    if ('finished_seq' in entry.seen) await checkEnded(machine, paths, entry, entry.seen);
    else await checkOpen(machine, paths, entry, entry.seen);
  }
  await checkStrangers(machine, ledger);
  await checkList(machine, ledger);
  checkCounts(machine, ledger);
}

async function checkEnded({ files }: Machine, paths: QueueLayout, entry: Entry, task: FinishedTask): Promise<void> {
  const { id } = task;
  const there = async (path: string) => (await files.stat(path)) !== undefined;
  const done = task.state === 'done';
  const [right, wrong] = done ? [paths.done(id), paths.failed(id)] : [paths.failed(id), paths.done(id)];
  const bytes = await files.read(right);
  if (!bytes) throw new Broken(`law 1: ${id} is ${task.state}, but ${right} is not there`);
  for (const path of [wrong, paths.task(id), paths.dispatched(id), paths.attempt(id), paths.delegated(id)])
    if (await there(path)) throw new Broken(`law 1: ${id} is ${task.state}, and ${path} is there too`);
  const result = readResult(bytes, { folder: done ? 'done' : 'failed', id, mtimeMs: 0 });
  if (result.task.finished_at !== task.finished_at) throw new Broken(`law 3: ${right} tells of another end`);
  if (!done && Buffer.compare(result.source ?? Buffer.alloc(0), entry.wish.text) !== 0)
    throw new Broken(`law 6: ${right} does not hold the task's bytes: ${Buffer.from(bytes)}`);
  if (task.state === 'cancelled' || task.error_class === 'dependency') return;
  const told = entry.reported.find((one) => result.text.includes(one));
  if (told === undefined || told !== (entry.result ?? told))
    throw new Broken(`law 3: ${right} holds '${told}', not '${entry.result}'`);
  entry.result = told;
}

async function checkOpen({ files }: Machine, paths: QueueLayout, { wish }: Entry, task: OpenTask): Promise<void> {
  const { id } = task;
  const bytes = await files.read(paths.task(id));
  for (const path of [paths.done(id), paths.failed(id)])
    if (await files.stat(path)) throw new Broken(`law 1: ${id} is ${task.state}, and ${path} is there`);
  if (task.state !== 'queued') return;
  if (!bytes || Buffer.compare(bytes, wish.text) !== 0)
    throw new Broken(`law 1: ${id} waits, but its file says ${bytes && Buffer.from(bytes)}`);
  for (const path of [paths.dispatched(id), paths.attempt(id), paths.delegated(id)])
    if (await files.stat(path)) throw new Broken(`law 1: ${id} waits, and ${path} is there`);
}

/** Every file in the queues belongs to a task. */
async function checkStrangers({ files, projects }: Machine, ledger: Ledger): Promise<void> {
  for (const { id: project, path } of projects) {
    const { inbox, doneDir, failedDir } = queueOf(path);
    for (const dir of [inbox, doneDir, failedDir]) {
      for (const { name } of (await files.list(dir)) ?? []) {
        if (name.startsWith('.ym-tmp-')) continue;
        const id = TaskId.parse(name.replace(/(\.md(\.dispatched|\.delegated)?|\.attempt\.json)$/, ''));
        if (!ledger.entries.has(keyOf({ project, id })))
          throw new Broken(
            `whose is ${dir}/${name}? It says ${JSON.stringify(String(await files.read(`${dir}/${name}`)))}`,
          );
      }
    }
  }
}

async function checkList({ store }: Machine, ledger: Ledger): Promise<void> {
  const listed = new Map<string, string>();
  let cursor: string | undefined;
  do {
    const page = await store.list({ limit: 3, ...(cursor !== undefined && { cursor }) });
    for (const task of page.tasks) {
      const key = keyOf(task);
      if (listed.has(key)) throw new Broken(`law 1: ${task.id} is listed as ${listed.get(key)} and as ${task.state}`);
      listed.set(key, task.state);
    }
    cursor = page.next;
  } while (cursor !== undefined);
  for (const [key, { seen }] of ledger.entries)
    if (listed.get(key) !== seen.state)
      throw new Broken(`law 1: ${key} is ${seen.state}, but listed as ${listed.get(key)}`);
  if (listed.size !== ledger.entries.size) throw new Broken('something is listed that nobody asked for');
}

function checkCounts({ store, projects }: Machine, ledger: Ledger): void {
  for (const { id } of projects) {
    for (const [state, count] of Object.entries(store.counts().get(id) ?? {})) {
      const known = ledger.all().filter(({ ref, seen }) => ref.project === id && seen.state === state).length;
      if (count !== known) throw new Broken(`${count} tasks are counted as ${state}, there are ${known}`);
    }
  }
}
