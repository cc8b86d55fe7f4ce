import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { homeAt } from '../dist/home.js';
import { DiskFiles } from '../dist/runtime/io/files.js';
import { thisMachine } from '../dist/runtime/io/machine.js';
import { Config } from '../dist/runtime/model/config.js';
import { FinishedTask, Outcome } from '../dist/runtime/model/task.js';
import { newTask } from '../dist/runtime/new-task.js';
import { FinishedIndex } from '../dist/runtime/store/finished-index.js';
import { openStore } from '../dist/runtime/store/open-store.js';
import { readSnapshot, writeSnapshot } from '../dist/runtime/store/snapshot.js';
import { queueOf } from '../dist/runtime/taskfile/layout.js';
import { renderFinished } from '../dist/runtime/taskfile/render.js';

/*
 * A home with a long past, made in seconds: everything in it is written by the store's own code, only that nothing is
 * synced and that finished tasks go to their list and their files without having been run.
 */

const OWNER = { principal: 'owner', name: 'bench' };
const CAUSE = { by: 'owner' };
const PER_RECORD = 10; // finished tasks of one journal record
const MINUTE = 60_000;
const NEWEST_IN_MEMORY = 2_000;

/** Most work is in one project; one was left years ago. */
export const PROJECTS = ['shop', 'blog', 'docs', 'api', 'attic'];

/** What finished task number `i` of `count` was. */
export function pastTask(i, count, projects, now) {
  const state = i % 97 === 5 ? 'cancelled' : i % 11 === 3 ? 'failed' : 'done';
  const project = i < 40 ? projects[4] : projects[i % 10 < 7 ? 0 : (i % 3) + 1];
  const at = now - (count - i) * MINUTE;
  const title = `Task number ${i} of a long past, with a title of the usual length`;
  return {
    project: project.id,
    id: `past-${i}`,
    state,
    title,
    priority: i % 5 === 0 ? 'high' : 'default',
    ...(i % 4 === 0 && { tags: ['backend', 'nightly'] }),
    group: i % 1_000 === 7 ? 'rare' : `release-${Math.floor(i / 50)}`,
    sha: createHash('sha256').update(title).digest('hex'),
    queued_at: at - 5 * MINUTE,
    started_at: at - MINUTE,
    finished_at: at,
    finished_seq: 1 + Math.floor(i / PER_RECORD),
    attempts: 1,
    agent: 'noop',
    ...(state !== 'done' && { reason: 'the agent ended with exit code 1' }),
    ...(state === 'failed' && { error_class: 'crash' }),
  };
}

/** Answers the environment in which the built program finds the home. */
export async function makeOldHome(dir, { finished, open, fileless = 0 }) {
  const home = homeAt(join(dir, 'home'));
  const config = writeConfig(dir);
  const machine = { ...thisMachine({ home: home.dir }), files: unsynced() };
  mkdirSync(home.dir, { recursive: true });
  const options = {
    ...machine,
    config: Config.parse({}),
    home: { ...home, projects: join(home.dir, 'projects.json'), finished: join(home.dir, 'finished') },
    say: () => {},
    onFatal: (error) => {
      throw error;
    },
  };
  const awake = setInterval(() => {}, MINUTE); // the store's own timers keep no process alive
  try {
    const projects = await fillStore(options, dir, { finished, open });
    const newest = await listPast(options, projects, { finished, fileless });
    await rememberPast(options, projects, { finished, newest });
  } finally {
    clearInterval(awake);
  }
  return { ...process.env, YARDMASTER_HOME: home.dir, YARDMASTER_CONFIG: config };
}

function writeConfig(dir) {
  const file = join(dir, 'yardmaster.yaml');
  const projects = PROJECTS.map((name) => ({ name, path: join(dir, name) }));
  const agents = { noop: { command: ['true'], max: 1 } };
  writeFileSync(file, JSON.stringify({ allowed_roots: [dir], projects, agents }));
  return file;
}

/** The open tasks, half of which wait for their time and half for an agent; and as many records as the past had. */
async function fillStore(options, dir, { finished, open }) {
  const store = await openStore(options);
  const projects = [];
  for (const name of PROJECTS) {
    mkdirSync(join(dir, name));
    projects.push(await store.adoptProject(join(dir, name), name, true, CAUSE));
  }
  for (let at = 0; at < finished / PER_RECORD; at += 1_000)
    await Promise.all(Array.from({ length: 1_000 }, () => store.note('past', 'a record of the past')));
  for (let at = 0; at < open; at += 100) {
    const tasks = Array.from({ length: Math.min(100, open - at) }, (_, n) =>
      openTask(at + n, projects, options.config),
    );
    const answers = await store.enqueue(tasks, CAUSE);
    if (answers.some(({ created }) => created !== true)) throw new Error(JSON.stringify(answers[0]));
  }
  await store.close();
  return projects;
}

function openTask(i, projects, config) {
  const waits = i % 2 === 0 ? { not_before: '2999-01-01T00:00:00Z' } : { requires: ['a-rare-skill'] };
  const input = {
    id: `open-${i}`,
    title: `Open task ${i}`,
    body: 'Do it.\n'.repeat(100),
    group: `open-${i % 20}`,
    ...waits,
  };
  return newTask(projects[i % 4], input, OWNER, config);
}

async function listPast({ home, files }, projects, { finished, fileless }) {
  const index = new FinishedIndex(files, home.finished);
  await index.open();
  const now = Date.now();
  let tasks = [];
  for (let at = 0; at < finished; at += 1_000) {
    tasks = [...tasks, ...range(at, Math.min(finished, at + 1_000)).map((i) => pastTask(i, finished, projects, now))];
    tasks = tasks.slice(-NEWEST_IN_MEMORY);
    await index.append(tasks.slice(-Math.min(1_000, finished - at)));
    if (at >= fileless) for (const task of tasks.slice(-1_000)) writePast(task, projects);
  }
  await index.sync();
  await index.close();
  return tasks.map((task) => FinishedTask.parse(task));
}

function writePast(task, projects) {
  const queue = queueOf(projects.find(({ id }) => id === task.project).path);
  const outcome = Outcome.parse(
    task.state === 'done'
      ? { state: 'done', result: `All is well with ${task.id}.\n`, agent: 'noop', exit_code: 0 }
      : { state: task.state, reason: task.reason, error_class: task.error_class },
  );
  const path = task.state === 'done' ? queue.done(task.id) : queue.failed(task.id);
  writeFileSync(path, renderFinished({ task, outcome, source: Buffer.from(task.title) }));
}

/** The snapshot knows how much there was, and the newest of it. */
async function rememberPast({ home, files }, projects, { finished, newest }) {
  const { kind, snapshot } = await readSnapshot(files, home.snapshot);
  if (kind !== 'read') throw new Error(`the snapshot is ${kind}`);
  const ended = new Map(projects.map(({ id }) => [id, { done: 0, failed: 0, cancelled: 0 }]));
  for (let i = 0; i < finished; i++) {
    const { project, state } = pastTask(i, finished, projects, 0);
    ended.get(project)[state]++;
  }
  await writeSnapshot(files, home.snapshot, {
    ...snapshot,
    state: { ...snapshot.state, ended: [...ended], finished: newest },
  });
}

function range(from, to) {
  return Array.from({ length: to - from }, (_, n) => from + n);
}

/** The real disk, without waiting for it. */
function unsynced() {
  const disk = new DiskFiles({ file: 0o600, dir: 0o700 });
  const nothing = async () => {};
  const append = async (path) => {
    const file = await disk.append(path);
    file.sync = nothing;
    return file;
  };
  return Object.assign(Object.create(disk), { sync: nothing, syncDir: nothing, append });
}
