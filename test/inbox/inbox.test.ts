import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { KernelWatcher } from '../../src/runtime/io/watch.ts';
import { keyOf, TaskId } from '../../src/runtime/model/ids.ts';
import { refuse } from '../../src/runtime/model/refusal.ts';
import { TaskSpec } from '../../src/runtime/model/spec.ts';
import { FinishedTask } from '../../src/runtime/model/task.ts';
import { drop } from './disk.ts';
import { sha, world } from './world.ts';

const id = (text: string) => TaskId.parse(text);
const SETTLE = 1_100; // the configured second, and the grain of the clocks

describe('arrivals', () => {
  it('a file that was renamed into place is taken at once, with its bytes', async () => {
    const { inbox, queue, store } = world();
    await drop(queue.inbox, 'fix.md', '---\npriority: high\n---\nFix it');
    expect(await inbox.scan()).toMatchObject({ taken: 1, rejected: 0 });
    const task = [...store.tasks.values()][0];
    expect(task).toMatchObject({ id: 'fix', source: 'drop', enqueued_by: 'drop', spec: { priority: 'high' } });
    expect(await inbox.scan()).toMatchObject({ taken: 0 });
  });

  it('a file that is written in place is taken when it is quiet and nobody has it open', async () => {
    const { inbox, queue, store, clock } = world();
    const fd = openSync(join(queue.inbox, 'slow.md'), 'w');
    writeSync(fd, 'first half, ');
    expect(await inbox.scan()).toMatchObject({ taken: 0, waiting: 1 });
    clock.skip(SETTLE);
    expect(await inbox.scan()).toMatchObject({ taken: 0 }); // quiet, but open for writing
    writeSync(fd, 'second half');
    closeSync(fd);
    clock.skip(SETTLE);
    expect(await inbox.scan()).toMatchObject({ taken: 1, waiting: 0 });
    expect([...store.tasks.values()][0]?.sha).toBe(sha('first half, second half'));
  });

  it('an empty file may be one that is about to be written', async () => {
    const { inbox, queue, clock, store, failed } = world();
    await drop(queue.inbox, 'new.md', '');
    expect(await inbox.scan()).toMatchObject({ rejected: 0, waiting: 1 });
    writeFileSync(join(queue.inbox, 'new.md'), 'here it is');
    clock.skip(SETTLE);
    await inbox.scan();
    expect([store.ids(), failed()]).toEqual([['new'], []]);
  });

  it('a file that grows past the bound while it is read is looked at again', async () => {
    const { inbox, queue, store, context, failed, clock } = world();
    await drop(queue.inbox, 'a.md', 'x');
    const read = context.files.read.bind(context.files);
    context.files = Object.assign(Object.create(context.files), {
      read: async (path: string) => {
        appendFileSync(path, 'y'.repeat(2_000_000));
        Object.assign(context.files, { read });
        throw new Error('too large');
      },
    });
    await inbox.scan();
    expect([store.ids(), failed()]).toEqual([[], []]);
    clock.skip(SETTLE);
    expect(await inbox.scan()).toMatchObject({ rejected: 1 });
  });

  it('what is not a task’s file is left alone; other files are reported once', async () => {
    const { inbox, queue, store, seen, inboxNames } = world();
    const names = ['.x.md.swp', 'x.md~', '4913', 'notes.txt', '.ym-tmp-1', 'y.md.dispatched', 'z.attempt.json'];
    for (const name of names) await drop(queue.inbox, name, 'x');
    await inbox.scan();
    await inbox.scan();
    expect(inboxNames()).toEqual([...names].sort());
    expect(store.ids()).toEqual([]);
    expect(seen.notes.map((note) => note.name)).toEqual(['notes.txt']);
  });

  it('the watcher’s hint brings a scan by itself; start and stop may be repeated and leave nothing behind', async () => {
    const { inbox, queue, store, clock } = world({ watcher: new KernelWatcher() });
    inbox.start();
    inbox.start();
    await vi.waitFor(() => expect(inbox.settled).toBe(true));
    await drop(queue.inbox, 'a.md', 'Do it');
    await vi.waitFor(() => expect(store.ids()).toEqual(['a']), { timeout: 10_000 });
    await inbox.stop();
    await inbox.stop();
    expect(clock.pending).toBe(0);
  });

  it('the periodic scan finds what no watcher told of', async () => {
    const { inbox, queue, store, clock } = world();
    inbox.start();
    await vi.waitFor(() => expect(inbox.settled).toBe(true));
    await inbox.scan();
    await drop(queue.inbox, 'a.md', 'Do it');
    clock.skip(60_000);
    await vi.waitFor(() => expect(store.ids()).toEqual(['a']), { timeout: 10_000 });
  });

  it('10,000 files dropped while scans run are all taken once, in batches', async () => {
    const { inbox, queue, store } = world();
    const writing = (async () => {
      for (let at = 0; at < 10_000; at += 100)
        await Promise.all(Array.from({ length: 100 }, (_, i) => drop(queue.inbox, `t${at + i}.md`, `Task ${at + i}`)));
    })();
    let [done, taken] = [false, 0];
    void writing.then(() => {
      done = true;
    });
    while (!done) taken += (await inbox.scan()).taken;
    await writing;
    taken += (await inbox.scan()).taken;
    expect([taken, store.tasks.size]).toEqual([10_000, 10_000]);
    expect(Math.max(...store.batches)).toBeLessThanOrEqual(200);
    expect(store.batches.length).toBeLessThan(1_000);
  }, 120_000);

  it('a store that takes nothing now keeps the drop where it is', async () => {
    const { inbox, queue, store, seen, inboxNames } = world();
    await drop(queue.inbox, 'a.md', 'Do it');
    store.refuseNext = refuse('full', 'the queue is full', '');
    await inbox.scan();
    await inbox.scan();
    expect([inboxNames(), seen.notes.map((note) => note.code)]).toEqual([['a.md'], ['deferred']]);
    store.refuseNext = undefined;
    expect(await inbox.scan()).toMatchObject({ taken: 1 });
  });

  it('an unconfigured project takes no drops that lay there before, until a person says so', async () => {
    const { inbox, queue, store, seen, clock, project } = world({ takesOlderDrops: false });
    await drop(queue.inbox, 'old.md', 'Do it');
    Object.assign(project, { adopted_at: clock.now() + 5_000 });
    await inbox.scan();
    await inbox.scan();
    expect([store.ids(), seen.notes.map((note) => note.code)]).toEqual([[], ['left_alone']]);
    expect(await inbox.scan({ takeOver: true })).toMatchObject({ taken: 1 });
  });
});

describe('drops that can’t be tasks land in failed/, bytes intact and the reason in front', () => {
  const bomb = `---\na: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n---\nboom`;
  it.each<[string, string | Uint8Array, string]>([
    ['utf8.md', Buffer.from([0x61, 0xff, 0xfe, 0x00]), 'UTF-8'],
    ['nul.md', 'a\0b', 'NUL'],
    ['bomb.md', bomb, 'aliases'],
    ['deep.md', `---\na: ${'['.repeat(100_000)}\n---\nx`, 'nested too deeply'],
    ['wrong.md', '---\npriority: urgent\n---\nx', 'priority'],
    ['command.md', '---\nverify: rm -rf /\n---\nx', 'not a configured check'],
    ['proto.md', '---\nverify: constructor\n---\nx', 'not a configured check'],
    ['bold.md', '---\npermission_mode: bypassPermissions\n---\nx', 'permission_mode'],
    ['call.md', '---\ncallback_url: https://evil.example/\n---\nx', 'not an allowed host'],
    ['a..b.md', 'x', '".."'],
    ['x..\\..\\up.md', 'x', 'a backslash'],
    ['a\nb.md', 'x', 'control character'],
    ['-rf.md', 'x', 'does not start with'],
    [`${'n'.repeat(252)}.md`, 'x', 'longer than'],
    ['big.md', Buffer.alloc(50 * 1_048_576, 0x61), 'more than the 1048576'],
  ])('%j', async (name, content, reason) => {
    const { inbox, queue, store, failed, failedText, inboxNames } = world();
    await drop(queue.inbox, name, content);
    expect(await inbox.scan()).toMatchObject({ taken: 0, rejected: 1 });
    expect([store.ids(), inboxNames(), failed().length]).toEqual([[], [], 1]);
    const file = failedText(failed()[0] ?? '');
    const bytes = Buffer.from(content);
    expect(file.subarray(-bytes.length).equals(bytes)).toBe(true);
    expect(file.subarray(0, file.length - bytes.length).toString()).toContain(reason);
    expect(store.rejections).toMatchObject([{ name, failed_as: failed()[0], size: bytes.length }]);
  });

  it('an empty file', async () => {
    const { inbox, queue, clock, failed, failedText } = world();
    writeFileSync(join(queue.inbox, 'empty.md'), '');
    await inbox.scan();
    clock.skip(SETTLE);
    expect(await inbox.scan()).toMatchObject({ rejected: 1 });
    expect(failedText(failed()[0] ?? '').toString()).toContain('neither a body nor a title');
  });

  it('a header in JavaScript, of which nothing is evaluated', async () => {
    const { inbox, queue, path, failedText } = world();
    const proof = join(path, 'proof');
    await drop(queue.inbox, 'js.md', `---js\nrequire('fs').writeFileSync(${JSON.stringify(proof)}, '')\n---\nx`);
    await inbox.scan();
    expect(existsSync(proof)).toBe(false);
    expect(failedText('js.md').toString()).toContain('\\"js\\" is not allowed');
  });

  it('a link out of the project, which is not followed', async () => {
    const { inbox, queue, clock, store, failed, failedText } = world();
    symlinkSync('/etc/hostname', join(queue.inbox, 'out.md'));
    clock.skip(SETTLE);
    expect(await inbox.scan()).toMatchObject({ rejected: 1 });
    expect(failed()).toEqual(['out.as-found', 'out.md']);
    expect(failedText('out.md').toString()).toContain('link_target: "/etc/hostname"');
    expect(store.ids()).toEqual([]);
  });

  it('a folder and a pipe, which are moved as they are', async () => {
    const { inbox, queue, clock, inboxNames, failed } = world();
    mkdirSync(join(queue.inbox, 'dir.md'));
    writeFileSync(join(queue.inbox, 'dir.md', 'kept'), 'x');
    execFileSync('mkfifo', [join(queue.inbox, 'pipe.md')]);
    clock.skip(SETTLE);
    expect(await inbox.scan()).toMatchObject({ rejected: 2 });
    expect([inboxNames(), failed()]).toEqual([[], ['dir.as-found', 'dir.md', 'pipe.as-found', 'pipe.md']]);
    expect(readdirSync(join(queue.failedDir, 'dir.as-found'))).toEqual(['kept']);
  });

  it('never over something that is there', async () => {
    const { inbox, queue, failed, failedText } = world();
    writeFileSync(join(queue.failedDir, 'a.md'), 'older');
    for (const text of ['one', 'two']) {
      await drop(queue.inbox, 'a.md', `---\npriority: ${text}\n---\nx`);
      await inbox.scan();
    }
    expect(failed()).toEqual(['a-2.md', 'a-3.md', 'a.md']);
    expect(failedText('a.md').toString()).toBe('older');
  });

  it('a hard link is taken like any file', async () => {
    const { inbox, queue, path, store } = world();
    await drop(path, 'original', 'Do it');
    linkSync(join(path, 'original'), join(queue.inbox, 'hard.md'));
    await inbox.scan();
    expect(store.ids()).toEqual(['hard']);
  });

  it('a file that the disk does not give keeps no other back, is reported once and stays', async () => {
    const { inbox, queue, seen, inboxNames, store, context } = world();
    for (const name of ['bad.md', 'good.md']) await drop(queue.inbox, name, 'x');
    const read = context.files.read.bind(context.files);
    context.files = Object.assign(Object.create(context.files), {
      read: (path: string, limit?: number) =>
        path.endsWith('bad.md') ? Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' })) : read(path, limit),
    });
    await inbox.scan();
    await inbox.scan();
    expect([store.ids(), inboxNames()]).toEqual([['good'], ['bad.md', 'good.md']]);
    expect(seen.notes.map((note) => note.code)).toEqual(['unreadable']);
  });

  it.skipIf(process.getuid?.() === 0)('a file without read permission is reported once and stays', async () => {
    const { inbox, queue, seen, inboxNames } = world();
    await drop(queue.inbox, 'secret.md', 'x');
    execFileSync('chmod', ['000', join(queue.inbox, 'secret.md')]);
    await inbox.scan();
    await inbox.scan();
    expect([inboxNames(), seen.notes.map((note) => note.code)]).toEqual([['secret.md'], ['unreadable']]);
  });

  it('one that repeats the idempotency key of another task', async () => {
    const { inbox, queue, store, failedText } = world();
    await drop(queue.inbox, 'a.md', '---\nidempotency_key: k\n---\nx');
    await inbox.scan();
    await drop(queue.inbox, 'b.md', '---\nidempotency_key: k\n---\ny');
    await inbox.scan();
    expect(store.ids()).toEqual(['a']);
    expect(failedText('b.md').toString()).toContain('the task a (queued) was made with the same key');
  });
});

describe('a drop whose id is taken', () => {
  const finish = (one: ReturnType<typeof world>, bytes: string) => {
    const task = FinishedTask.parse({
      ...{ project: one.project.id, id: 'x', state: 'done', title: 'x', priority: 'default', sha: sha(bytes) },
      ...{ queued_at: 1, finished_at: 2, finished_seq: 3, attempts: 1 },
    });
    one.store.finished.set(keyOf(task), task);
  };

  it('by a finished task becomes -2, then -3', async () => {
    const one = world();
    finish(one, 'old');
    await drop(one.queue.inbox, 'x.md', 'new');
    expect(await one.inbox.scan()).toMatchObject({ taken: 1 });
    await drop(one.queue.inbox, 'x.md', 'newer');
    await one.inbox.scan();
    expect([one.store.ids(), one.inboxNames()]).toEqual([
      ['x-2', 'x-3'],
      ['x-2.md', 'x-3.md'],
    ]);
  });

  it('is not taken twice when a crash left it under both names', async () => {
    const one = world();
    finish(one, 'old');
    await drop(one.queue.inbox, 'x-2.md', 'new');
    await one.inbox.scan();
    linkSync(join(one.queue.inbox, 'x-2.md'), join(one.queue.inbox, 'x.md'));
    await one.inbox.scan();
    expect([one.store.ids(), one.inboxNames()]).toEqual([['x-2'], ['x-2.md']]);
  });

  it('and which is that task’s own text is a leftover, once its result is written', async () => {
    const one = world();
    finish(one, 'old');
    await drop(one.queue.inbox, 'x.md', 'old');
    await one.inbox.scan();
    expect(one.inboxNames()).toEqual(['x.md']);
    writeFileSync(one.queue.done(id('x')), 'result');
    await one.inbox.scan();
    expect([one.inboxNames(), one.store.ids(), one.seen.notes.map((note) => note.code)]).toEqual([
      [],
      [],
      ['leftover_removed'],
    ]);
  });

  it('by a task that came by call becomes -2, and the task’s own file is asked for', async () => {
    const one = world();
    one.inbox.start();
    one.clock.skip(10);
    add(one, 'x', 'by call');
    await drop(one.queue.inbox, 'x.md', 'by a drop of another size');
    await one.inbox.scan();
    expect([one.store.ids(), one.inboxNames(), one.seen.restored]).toEqual([['x', 'x-2'], ['x-2.md'], ['x']]);
  });

  it('by a running task becomes -2; a delegated one keeps its file', async () => {
    const one = world();
    for (const [name, route] of [
      ['run', { to: 'agent', agent: 'a', kind: 'command', rules: [] }],
      ['del', { to: 'provider', provider: 'p', rules: [] }],
    ] as const) {
      const task = add(one, name, name);
      one.store.tasks.set(keyOf(task), {
        ...task,
        state: 'running',
        route: { ...route, rules: [] },
        token: '',
        claimed_at: 1,
        started_at: 1,
      });
      await drop(one.queue.inbox, `${name}.md`, 'other');
    }
    await one.inbox.scan();
    expect(one.store.ids()).toEqual(['del', 'run', 'run-2']);
  });
});

function add(one: ReturnType<typeof world>, name: string, text: string) {
  const spec = TaskSpec.parse({});
  one.store.add({
    project: one.project.id,
    id: id(name),
    spec,
    title: name,
    bytes: Buffer.from(text),
    source: 'call',
    enqueued_by: 'me',
  });
  const task = one.store.tasks.get(keyOf({ project: one.project.id, id: id(name) }));
  if (task?.state !== 'queued') throw new Error('not queued');
  return task;
}

describe('files of queued tasks', () => {
  it('that change are told, when what they say is allowed', async () => {
    const { inbox, queue, seen } = world();
    await drop(queue.inbox, 'a.md', 'one');
    await inbox.scan();
    await drop(queue.inbox, 'a.md', 'one');
    await inbox.scan();
    expect(seen.edited).toEqual([]); // the same text
    await drop(queue.inbox, 'a.md', '---\nverify: evil\n---\ntwo');
    await inbox.scan();
    expect([seen.edited, seen.notes.map((note) => note.code)]).toEqual([[], ['edit_invalid']]);
    await drop(queue.inbox, 'a.md', 'three');
    await inbox.scan();
    expect(seen.edited).toEqual(['a']);
  });

  it('that were edited while nobody watched are told, not taken again', async () => {
    const one = world();
    add(one, 'a', 'one');
    await drop(one.queue.inbox, 'a.md', 'edited');
    one.clock.skip(10);
    one.inbox.start();
    await one.inbox.scan();
    expect([one.store.ids(), one.seen.edited, one.seen.restored]).toEqual([['a'], ['a'], []]);
  });

  it('one that is deleted cancels its task after two scans two seconds apart', async () => {
    const { inbox, queue, store, clock } = world();
    for (const name of ['a.md', 'b.md']) await drop(queue.inbox, name, 'x');
    await inbox.scan();
    unlinkSync(join(queue.inbox, 'a.md'));
    expect((await inbox.scan()).again).toBeGreaterThan(1_000);
    clock.skip(1_000);
    await inbox.scan();
    expect(store.cancelled).toEqual([]);
    clock.skip(1_001);
    await inbox.scan();
    expect([store.cancelled, store.ids()]).toEqual([['a'], ['b']]);
  });

  it('one that comes back was only being saved', async () => {
    const { inbox, queue, store, clock, seen } = world();
    await drop(queue.inbox, 'a.md', 'x');
    await inbox.scan();
    renameSync(join(queue.inbox, 'a.md'), join(queue.inbox, 'a.md~'));
    await inbox.scan();
    await drop(queue.inbox, 'a.md', 'edited');
    clock.skip(3_000);
    await inbox.scan();
    expect([store.cancelled, seen.edited]).toEqual([[], ['a']]);
  });

  it('that vanish together, or with the queue, are restored and reported', async () => {
    const { inbox, queue, store, clock, seen } = world();
    for (const name of ['a.md', 'b.md', 'c.md']) await drop(queue.inbox, name, 'x');
    await inbox.scan();
    for (const name of ['a.md', 'b.md']) unlinkSync(join(queue.inbox, name));
    await inbox.scan();
    expect(seen.restored.sort()).toEqual(['a', 'b']);
    rmSync(queue.root, { recursive: true });
    await inbox.scan();
    clock.skip(3_000);
    await inbox.scan();
    expect([seen.restored.includes('c'), store.cancelled]).toEqual([true, []]);
    expect(seen.notes.map((note) => note.code)).toContain('inbox_missing');
  });

  it('that were gone before the start are restored, not cancelled', async () => {
    const one = world();
    add(one, 'a', 'one');
    one.clock.skip(10);
    one.inbox.start();
    await one.inbox.scan();
    one.clock.skip(5_000);
    await one.inbox.scan();
    expect([one.seen.restored, one.store.cancelled]).toEqual([['a'], []]);
  });

  it('that a listing misses are not gone', async () => {
    const { inbox, queue, seen, context } = world();
    for (const name of ['a.md', 'b.md']) await drop(queue.inbox, name, 'x');
    await inbox.scan();
    context.files = Object.assign(Object.create(context.files), { list: async () => [] });
    await inbox.scan();
    expect(seen.restored).toEqual([]);
  });

  it('a task that was claimed meanwhile is no deletion', async () => {
    const one = world();
    await drop(one.queue.inbox, 'a.md', 'x');
    await one.inbox.scan();
    renameSync(one.queue.task(id('a')), one.queue.dispatched(id('a')));
    await one.inbox.scan();
    one.clock.skip(3_000);
    await one.inbox.scan();
    expect([one.store.cancelled, one.seen.restored]).toEqual([[], []]);
  });
});

it('a scan that fails is noted and tried again', async () => {
  const one = world();
  one.inbox.start();
  await one.inbox.scan();
  const broken = vi
    .spyOn(one.context.files, 'list')
    .mockRejectedValueOnce(Object.assign(new Error('EIO'), { code: 'EIO' }));
  onTestFinished(() => broken.mockRestore());
  await drop(one.queue.inbox, 'a.md', 'x');
  one.clock.skip(60_000);
  await vi.waitFor(() => expect(one.seen.notes.map((note) => note.code)).toContain('scan_failed'));
  one.clock.skip(60_000);
  await vi.waitFor(() => expect(one.store.ids()).toEqual(['a']));
});
