import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { folderAt } from '../../../src/runtime/dispatch-files/places.ts';
import { accept, reject } from '../../../src/runtime/dispatch-files/put-away.ts';
import { sign } from '../../../src/runtime/dispatch-files/signature.ts';
import { DiskFiles } from '../../../src/runtime/io/files.ts';
import { SkippingClock } from '../../inbox/world.ts';
import { until } from '../../support/world.ts';
import { Ground, Yard } from './yard.ts';

test('a file becomes a task under its id, with all that it asks for, and is kept in accepted/', async () => {
  const ground = new Ground();
  const file = ground.file('login', {
    ...{ task: 'Fix the login.', project_dir: '~/code/shop', target_agent: 'claude', clawvisor_task_id: 'cv-1' },
    ...{ learnings: ['use pnpm'], constraints: ['no new packages'], ttl_seconds: 120, priority: 'high', model: 'opus' },
    ...{ callback_url: null, mine: { kept: [1] } },
  });
  ground.drop('dispatch-login.json', file);
  const yard = await Yard.open(ground);
  const task = yard.task('login');
  expect(task).toMatchObject({ state: 'queued', source: 'dispatch', enqueued_by: 'a test', title: 'Fix the login.' });
  expect(task?.spec).toMatchObject({
    ...{ agent: 'claude', mode: 'headless', priority: 'high', model: 'opus', ttl_seconds: 120 },
    ...{ learnings: ['use pnpm'], constraints: ['no new packages'] },
  });
  expect(task?.dispatch).toEqual({
    ...{ id: 'dispatch-login', by: 'a test', project: 'shop', target_agent: 'claude', clawvisor_task_id: 'cv-1' },
  });
  expect(ground.json('accepted', 'dispatch-login.json')).toEqual(file);
  expect(ground.listed()).toEqual(['accepted/']);
  const text = await yard.store.text({ project: task?.project as never, id: task?.id as never });
  expect(Buffer.from(text?.bytes ?? []).toString()).toMatch(/dispatched_by: a test[\s\S]*Fix the login\.$/);
});

test('what is dropped while the runtime runs is seen; what is still being written waits', async () => {
  const ground = new Ground();
  const yard = await Yard.open(ground);
  const text = JSON.stringify(ground.file('slow'));
  const slow = openSync(join(ground.dispatch, 'dispatch-slow.json'), 'w');
  writeSync(slow, text.slice(0, 20));
  yard.clock.skip(1_000); // it is quiet, but somebody has it open
  ground.drop('dispatch-quick.json', ground.file('quick'));
  await until(() => ground.listed('accepted').length === 1);
  expect(ground.listed()).toEqual(['accepted/', 'dispatch-slow.json']);
  writeSync(slow, text.slice(20));
  closeSync(slow);
  await until(() => yard.task('slow') !== undefined);
  expect(ground.listed('rejected')).toEqual([]);
});

test('files of one look come in the order of their arrival, then of their names', async () => {
  const ground = new Ground();
  const at = { b: 3, z: 1, a: 2, c: 3 };
  for (const [id, second] of Object.entries(at)) {
    ground.drop(`dispatch-${id}.json`, ground.file(id));
    utimesSync(join(ground.dispatch, `dispatch-${id}.json`), second, second);
  }
  const yard = await Yard.open(ground);
  expect(yard.queued()).toEqual(['dispatch-z', 'dispatch-a', 'dispatch-b', 'dispatch-c']);
});

test('other files, folders and reports in the folder are left alone', async () => {
  const ground = new Ground();
  const names = ['notes.json', 'dispatch-x.json.tmp', '.dispatch-x.json.swp', 'Dispatch-x.json', 'dispatch-x.jsonl'];
  for (const name of names) writeFileSync(join(ground.dispatch, name), JSON.stringify(ground.file('x')));
  mkdirSync(join(ground.dispatch, 'completed'));
  writeFileSync(join(ground.dispatch, 'completed', 'dispatch-old.json'), '{}');
  const yard = await Yard.open(ground);
  expect(yard.queued()).toEqual([]);
  expect(ground.listed()).toEqual([...names, 'completed/'].sort());
});

test('what can not be a task is kept in rejected/ with its reason, and status says so until it is taken away', async () => {
  const ground = new Ground();
  const outside = ground.folder('elsewhere');
  symlinkSync('/etc', join(ground.root, 'code', 'sneaky'));
  const files: Record<string, [unknown, string, RegExp]> = {
    'no-id': [{ ...ground.file('x'), id: undefined }, 'id', /missing/],
    prefix: [{ ...ground.file('x'), id: 'login' }, 'id', /dispatch-/],
    dots: [{ ...ground.file('x'), id: 'dispatch-../../etc' }, 'id', /task id/],
    blank: [ground.file('blank', { task: ' \n' }), 'task', /what is to be done/],
    number: [ground.file('number', { task: 7 }), 'task', /string/],
    ttl: [ground.file('ttl', { ttl_seconds: 59 }), 'ttl_seconds', /60/],
    'ttl-text': [ground.file('ttl-text', { ttl_seconds: '600' }), 'ttl_seconds', /number/],
    relative: [ground.file('relative', { project_dir: 'code/shop' }), 'project_dir', /absolute/],
    other: [ground.file('other', { project_dir: '~root/x' }), 'project_dir', /absolute/],
    absent: [ground.file('absent', { project_dir: '/nowhere/at/all' }), 'project_dir', /no folder/],
    linked: [ground.file('linked', { project_dir: join(ground.root, 'code', 'sneaky') }), 'project_dir', /outside/],
    cursor: [ground.file('cursor', { target_agent: 'cursor' }), 'target_agent', /cursor/],
    agent: [ground.file('agent', { target_agent: 'rm -rf' }), 'target_agent', /no agent/],
    callback: [ground.file('callback', { callback_url: 'http://169.254.169.254/' }), 'callback_url', /host/],
    verify: [ground.file('verify', { verify: 'touch /tmp/x' }), 'verify', /not a configured check/],
    mode: [ground.file('mode', { permission_mode: 'bypassPermissions' }), 'permission_mode', /more than/],
    depends: [ground.file('depends', { depends_on: 'a' }), 'depends_on', /array/],
    learnings: [ground.file('learnings', { learnings: [1] }), 'learnings.0', /string/],
    list: [[ground.file('x')], 'null', /not a JSON object/],
  };
  for (const [name, [content]] of Object.entries(files)) ground.drop(`dispatch-${name}.json`, JSON.stringify(content));
  ground.drop('dispatch-raw.json', '{"id": "dispatch-raw",');
  const yard = await Yard.open(ground, { config: { allowed_roots: [join(ground.root, 'code')] } });
  expect(yard.queued()).toEqual([]);
  for (const [name, [content, field, reason]] of Object.entries(files)) {
    expect(readFileSync(join(ground.dispatch, 'rejected', `dispatch-${name}.json`), 'utf8')).toBe(
      JSON.stringify(content),
    );
    const why = ground.json('rejected', `dispatch-${name}.json.reason.json`);
    expect(why.reason, name).toMatch(reason);
    expect(String(why.field), name).toBe(field);
    expect(why.hint, name).toMatch(/\w{3}/);
    expect(Date.parse(String(why.at))).toBeGreaterThan(0);
  }
  expect(existsSync(join(outside, '.agent-queue'))).toBe(false);
  expect(ground.listed()).toEqual(['rejected/']);
  const [need] = yard.intake.needs();
  expect(need?.what).toMatch(/^20 dispatch files were rejected, at last dispatch-/);
  expect(need?.where).toBe(join(ground.dispatch, 'rejected'));
  const records = (await yard.store.events({ limit: 100 })).flatMap(({ events }) => events);
  expect(records.filter((event) => event.type === 'noted' && event.code === 'dispatch_rejected')).toHaveLength(20);
});

test('nothing in rejected/ is overwritten; links and folders are moved as they are, and not followed', async () => {
  const ground = new Ground();
  const yard = await Yard.open(ground);
  for (const content of ['one', 'two', 'three']) {
    ground.drop('dispatch-x.json', content);
    await until(() => !ground.listed().includes('dispatch-x.json'));
  }
  const kept = ['dispatch-x.json', 'dispatch-x-2.json', 'dispatch-x-3.json'];
  expect(kept.map((name) => readFileSync(join(ground.dispatch, 'rejected', name), 'utf8'))).toEqual([
    'one',
    'two',
    'three',
  ]);
  writeFileSync(join(ground.root, 'secret'), 'a secret');
  symlinkSync(join(ground.root, 'secret'), join(ground.dispatch, 'dispatch-link.json'));
  mkdirSync(join(ground.dispatch, 'dispatch-folder.json'));
  await until(() => ground.listed('rejected').includes('dispatch-folder.json/') && ground.listed().length === 1);
  expect(ground.json('rejected', 'dispatch-link.json.reason.json').reason).toMatch(/symbolic link/);
  expect(yard.queued()).toEqual([]);
});

test('a name as long as the system allows is put away under a shorter one', async () => {
  const ground = new Ground();
  const long = (letter: string) => `dispatch-${letter.repeat(235)}.json`;
  ground.drop(long('a'), ground.file('long'));
  ground.drop(long('b'), 'no json');
  const yard = await Yard.open(ground);
  expect(yard.queued()).toEqual(['dispatch-long']);
  expect(ground.listed()).toEqual(['accepted/', 'rejected/']);
});

test('the same file again changes nothing; another one with its id is answered with the state of the task', async () => {
  const ground = new Ground();
  const yard = await Yard.open(ground);
  ground.drop('dispatch-a.json', ground.file('a'));
  await until(() => yard.task('a') !== undefined && !ground.listed().includes('dispatch-a.json'));
  ground.drop('dispatch-a.json', ground.file('a'));
  ground.drop('dispatch-other-name.json', ground.file('a'));
  await until(() => ground.listed().length === 1);
  expect(ground.listed('accepted')).toEqual(['dispatch-a.json', 'dispatch-other-name.json']);
  expect(yard.queued()).toEqual(['dispatch-a']);

  const elsewhere = ground.folder('code/elsewhere');
  ground.drop('dispatch-b.json', ground.file('a', { project_dir: elsewhere }));
  await until(() => ground.listed('rejected').length === 2);
  const waiting = ground.json('rejected', 'dispatch-b.json.reason.json');
  expect(waiting).toMatchObject({ field: 'id', existing: { task: 'dispatch-a', project: 'shop', state: 'queued' } });

  await yard.end('a', { state: 'done', result: 'It is done.' });
  await until(() => ground.listed('completed').length === 1);
  ground.drop('dispatch-c.json', ground.file('a', { task: 'Something else.' }));
  await until(() => ground.listed('rejected').length === 4);
  const report = join(ground.dispatch, 'completed', 'dispatch-a.json');
  const finished = ground.json('rejected', 'dispatch-c.json.reason.json');
  expect(finished).toMatchObject({ existing: { task: 'dispatch-a', state: 'done', report } });
  expect(yard.queued()).toEqual([]);
});

test('one id in two files of one look: the older file has it', async () => {
  const ground = new Ground();
  ground.drop('dispatch-2.json', ground.file('twice', { task: 'The younger.' }));
  ground.drop('dispatch-1.json', ground.file('twice', { task: 'The older.' }));
  utimesSync(join(ground.dispatch, 'dispatch-1.json'), 1, 1);
  const yard = await Yard.open(ground);
  await until(() => ground.listed('rejected').length === 2);
  expect(yard.task('twice')?.title).toBe('The older.');
  expect(ground.listed('rejected')).toEqual(['dispatch-2.json', 'dispatch-2.json.reason.json']);
  expect(ground.listed('accepted')).toEqual(['dispatch-1.json']);
});

test('a crash between the record and the move makes no second task, also when the task has ended since', async () => {
  const ground = new Ground();
  const first = await Yard.open(ground);
  ground.drop('dispatch-a.json', ground.file('a'));
  ground.drop('dispatch-b.json', ground.file('b'));
  await until(() => first.queued().length === 2 && ground.listed().length === 1);
  await first.end('b', { state: 'done', result: 'Done.' });
  await first.close();
  for (const id of ['a', 'b']) ground.drop(`dispatch-${id}.json`, ground.file(id)); // as if they had not been moved
  rmSync(join(ground.dispatch, 'accepted'), { recursive: true });

  const second = await Yard.open(ground);
  expect(second.queued()).toEqual(['dispatch-a']);
  expect(ground.listed('accepted')).toEqual(['dispatch-a.json', 'dispatch-b.json']);
  expect(ground.listed('rejected')).toEqual([]);
});

test('where a key is configured only signed files are taken', async () => {
  const ground = new Ground();
  const secret = 'a shared secret';
  const signed = (file: Record<string, unknown>, prefix = '') => ({
    ...file,
    source_signature: prefix + sign(file as never, secret),
  });
  ground.drop('dispatch-good.json', signed(ground.file('good', { mine: { z: 1, a: 'é' } })));
  ground.drop('dispatch-prefixed.json', signed(ground.file('prefixed'), 'sha256='));
  ground.drop('dispatch-none.json', ground.file('none'));
  ground.drop('dispatch-changed.json', { ...signed(ground.file('changed')), task: 'Something worse.' });
  ground.drop('dispatch-short.json', { ...ground.file('short'), source_signature: 'abcd' });
  const yard = await Yard.open(ground, { key: { secret } });
  expect(yard.queued().sort()).toEqual(['dispatch-good', 'dispatch-prefixed']);
  expect(ground.listed('rejected').filter((name) => !name.includes('reason'))).toEqual([
    ...['dispatch-changed.json', 'dispatch-none.json', 'dispatch-short.json'],
  ]);
  expect(ground.json('rejected', 'dispatch-none.json.reason.json')).toMatchObject({ field: 'source_signature' });
});

test('a key that is configured and not there holds files back; without one a signature is ignored, which is said once', async () => {
  const ground = new Ground();
  ground.drop('dispatch-a.json', ground.file('a', { source_signature: 'x' }));
  const waiting = await Yard.open(ground, { key: 'unset' });
  expect(waiting.queued()).toEqual([]);
  expect(waiting.intake.needs()[0]?.what).toMatch(/1 dispatch file waits .*intake_key_env/);
  await waiting.close();
  const yard = await Yard.open(ground);
  ground.drop('dispatch-b.json', ground.file('b', { source_signature: 'y' }));
  await until(() => yard.queued().length === 2);
  expect(yard.said.filter((said) => said.includes('signatures are ignored'))).toHaveLength(1);
});

test('further folders are watched too: each keeps its own files, and gets its own reports', async () => {
  const ground = new Ground();
  const extra = ground.folder('extra');
  const missing = join(ground.root, 'unmounted');
  ground.drop('dispatch-far.json', ground.file('far'), extra);
  const yard = await Yard.open(ground, { config: { intake_dirs: [extra, missing, ground.dispatch] } });
  expect(yard.task('far')?.dispatch?.folder).toBe(extra);
  expect(existsSync(join(extra, 'accepted', 'dispatch-far.json'))).toBe(true);
  expect(yard.intake.needs()).toMatchObject([{ where: missing, what: expect.stringMatching(/can't be read/) }]);
  await yard.end('far', { state: 'failed', error_class: 'crash', reason: 'exit code 3' });
  await until(() => yard.store.outbox().size === 0);
  const copy = readFileSync(join(extra, 'completed', 'dispatch-far.json'), 'utf8');
  expect(ground.json('completed', 'dispatch-far.json')).toEqual(JSON.parse(copy));
  expect(JSON.parse(copy)).toMatchObject({
    status: 'failed',
    error: 'exit code 3',
    error_type: 'crash',
    retry_count: 0,
  });
  expect(existsSync(missing)).toBe(false);
});

test('a report that was owed when the runtime ended is written by the next one', async () => {
  const ground = new Ground();
  ground.drop('dispatch-a.json', ground.file('a'));
  const first = await Yard.open(ground);
  await first.reports.stop();
  await first.end('a', { state: 'done', result: 'It is done.' });
  await first.close();
  expect(ground.listed('completed')).toEqual([]);
  const second = await Yard.open(ground);
  await until(() => second.store.outbox().size === 0);
  const report = ground.json('completed', 'dispatch-a.json');
  expect(report).toMatchObject({ dispatch_id: 'dispatch-a', status: 'completed', output_length: 'It is done.'.length });
  expect(readFileSync(String(report.result_path), 'utf8')).toContain('It is done.');
});

test('a full queue leaves files where they are, says why, and takes them later', async () => {
  const ground = new Ground();
  ground.drop('dispatch-a.json', ground.file('a'));
  const yard = await Yard.open(ground, { config: { limits: { max_open_tasks: 1 } } });
  ground.drop('dispatch-b.json', ground.file('b'));
  await until(() => yard.intake.needs().some(({ what }) => /1 dispatch file waits .*max_open_tasks is 1/.test(what)));
  expect(ground.listed()).toEqual(['accepted/', 'dispatch-b.json']);
  await yard.end('a', { state: 'done', result: 'x' });
  yard.clock.skip(60_000);
  await until(() => yard.task('b') !== undefined);
});

test('accepted files go after their time, those of open tasks stay', async () => {
  const ground = new Ground();
  for (const id of ['done', 'open']) ground.drop(`dispatch-${id}.json`, ground.file(id));
  const yard = await Yard.open(ground);
  await yard.end('done', { state: 'done', result: 'x' });
  yard.clock.skip(31 * 86_400_000);
  await until(() => ground.listed('accepted').length === 1);
  expect(ground.listed('accepted')).toEqual(['dispatch-open.json']);
});

test('folders come and go with the configuration, and after the end nothing is watched', async () => {
  const ground = new Ground();
  const extra = ground.folder('extra');
  const yard = await Yard.open(ground);
  ground.drop('dispatch-a.json', ground.file('a'), extra);
  yard.config.intake_dirs = [extra];
  yard.intake.configured();
  await until(() => yard.task('a') !== undefined);
  yard.config.intake_dirs = [];
  yard.intake.configured();
  await until(() => yard.intake.folder(extra) === undefined);
  await yard.end('a', { state: 'done', result: 'x' });
  await until(() => yard.store.outbox().size === 0);
  expect(existsSync(join(extra, 'completed'))).toBe(false); // it is no intake folder any more
  expect(ground.listed('completed')).toEqual(['dispatch-a.json']);
  await yard.close();
  ground.drop('dispatch-b.json', ground.file('b'));
  expect(yard.clock.pending).toBe(0);
});

test("the home's folder may be a link to another place", async () => {
  const ground = new Ground();
  const other = ground.folder('other-disk');
  rmSync(ground.dispatch, { recursive: true });
  symlinkSync(other, ground.dispatch);
  ground.drop('dispatch-a.json', ground.file('a'));
  const yard = await Yard.open(ground);
  await yard.end('a', { state: 'done', result: 'x' });
  await until(() => ground.listed('completed').length === 1);
  expect(yard.task('a')).toBeUndefined();
});

test('a file that is another one by the time it is moved stays, and is looked at again', async () => {
  const ground = new Ground();
  const files = new DiskFiles();
  const folder = folderAt(ground.dispatch, true);
  const path = join(ground.dispatch, 'dispatch-a.json');
  ground.drop('dispatch-a.json', ground.file('a'));
  const stat = (await files.stat(path)) ?? expect.fail();
  const bytes = readFileSync(path);
  ground.drop('dispatch-a.json', ground.file('b'));
  const arrival = { name: 'dispatch-a.json', stat };
  expect(await accept({ files }, folder, arrival, bytes)).toBe('changed');
  const notes: string[] = [];
  const store = { note: async (_: string, message: string) => void notes.push(message) };
  const why = { kind: 'unfit', reason: 'x', hint: 'y' } as const;
  expect(await reject({ files, clock: new SkippingClock(), store } as never, folder, arrival, why)).toBe('changed');
  expect(ground.listed()).toEqual(['accepted/', 'dispatch-a.json', 'rejected/']);
  expect([ground.listed('accepted'), ground.listed('rejected')]).toEqual([[], []]);
  expect(ground.json('dispatch-a.json')).toEqual(ground.file('b'));
});

/** The nth change of a name fails, and all that follow: as if the process ended there. */
function endingAt(n: number): DiskFiles {
  let left = n;
  const files = new DiskFiles();
  const step =
    <A extends unknown[], R>(act: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      if (left-- <= 0) throw Object.assign(new Error('it ended here'), { code: 'EIO' });
      return act.apply(files, args);
    };
  const { makeDir, replace, move, moveNew, remove } = DiskFiles.prototype;
  const steps = { makeDir, replace, move, moveNew, remove };
  for (const [name, act] of Object.entries(steps)) Object.assign(files, { [name]: step(act as never) });
  return files;
}

test('ended at any step, the next start comes to the same: each file in one place, each task and report once', async () => {
  for (let n = 0; n < 12; n++) {
    const ground = new Ground();
    ground.drop('dispatch-a.json', ground.file('a'));
    ground.drop('dispatch-b.json', 'no json');
    ground.drop('dispatch-c.json', ground.file('a', { task: 'Something else.' }));
    utimesSync(join(ground.dispatch, 'dispatch-a.json'), 1, 1);
    const first = await Yard.open(ground, { files: endingAt(n) });
    if (first.task('a')) await first.end('a', { state: 'done', result: 'x' });
    await first.close();
    const second = await Yard.open(ground);
    if (second.task('a')) await second.end('a', { state: 'done', result: 'x' });
    const rejected = ['dispatch-b.json', 'dispatch-b.json.reason.json'];
    rejected.push('dispatch-c.json', 'dispatch-c.json.reason.json');
    await until(() => ground.listed('completed').length === 1 && ground.listed('rejected').length === 4);
    expect(ground.listed(), `step ${n}`).toEqual(['accepted/', 'completed/', 'rejected/']);
    expect(ground.listed('accepted')).toEqual(['dispatch-a.json']);
    expect(ground.listed('rejected')).toEqual(rejected);
    const records = (await second.store.events({ limit: 100 })).flatMap(({ events }) => events);
    expect(records.filter(({ type }) => type === 'task_queued' || type === 'task_finished')).toHaveLength(2);
    await second.close();
  }
}, 60_000);
