import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { bridge, looksOf } from './daemon.mjs';
import { diskFolder, median, timed } from './world.mjs';

/*
 * A day compressed: many small tasks, eight at once, while the runtime is ended again and again, by turns with SIGKILL
 * and with SIGTERM; one client stays and never notices. Afterwards every task has run and ended exactly once, and what
 * the runtime holds (memory, descriptors, watches, journal) is the same in the last quarter as in the first.
 */

const AT_ONCE = 8;
const WAITING = 400; // tasks that are kept waiting
const SAMPLE_MS = 50;
const SEGMENT = 1_048_576; // small, so that a day fills many

export async function day(tasks = 20_000) {
  return table(await measureDay({ tasks, restarts: 20 }));
}

/** `silent`: how long nothing may end before the day is given up. */
export async function measureDay({ tasks, restarts, segment = SEGMENT, silent = 60_000 }) {
  const { dir } = diskFolder();
  const env = { ...process.env, YARDMASTER_HOME: join(dir, 'home'), YARDMASTER_CONFIG: configure(dir, segment) };
  const client = await bridge(env);
  const project = join(dir, 'project');
  try {
    const world = { client, project, home: env.YARDMASTER_HOME, tasks, silent };
    const from = performance.now();
    const { samples, kills } = await live(world, restarts);
    const took = performance.now() - from - kills.reduce((sum, { away }) => sum + away, 0);
    while (!(await client.call('fleet_status', {})).converged) await pause(SAMPLE_MS); // files follow within a second
    const ran = readFileSync(join(dir, 'ran'), 'utf8').split('\n').filter(Boolean);
    const listed = await listAll(client, 'done');
    const files = readdirSync(join(project, '.agent-queue', 'done')).filter((name) => name.endsWith('.md'));
    const left = readdirSync(join(project, '.agent-queue', 'inbox'));
    const xargs = timed(`seq ${tasks} | xargs -P ${AT_ONCE} -n 1 sh -c ${quoted(`echo "$0" >>${join(dir, 'xargs')}`)}`);
    const once = { ran, listed, files };
    const distinct = Object.fromEntries(Object.entries(once).map(([what, ids]) => [what, new Set(ids).size]));
    const counted = Object.fromEntries(Object.entries(once).map(([what, ids]) => [what, ids.length]));
    return {
      tasks,
      restarts: kills.length,
      took,
      xargs,
      counted,
      distinct,
      left: left.length,
      ...quarters(samples, tasks),
    };
  } finally {
    await endRuntime(env.YARDMASTER_HOME, 'SIGTERM');
    await client.close();
    await endRuntime(env.YARDMASTER_HOME, 'SIGKILL');
    rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

function configure(dir, segment_bytes) {
  const file = join(dir, 'yardmaster.yaml');
  const project = join(dir, 'project');
  mkdirSync(project);
  const command = ['sh', '-c', `echo "$YARDMASTER_TASK" >>${join(dir, 'ran')}`];
  const config = {
    agents: { noop: { command, max: AT_ONCE } },
    headless: { max_running: AT_ONCE },
    projects: [{ name: 'day', path: project, shared_checkout: true }],
    journal: { segment_bytes },
    shutdown: { wait: 0 },
  };
  writeFileSync(file, JSON.stringify(config));
  return file;
}

/** Keeps the queue filled and the runtime ending, until all is done. */
async function live({ client, project, home, tasks, silent }, restarts) {
  const samples = [];
  const kills = [];
  let given = 0;
  let done = 0;
  let at = performance.now();
  while (done < tasks) {
    if (given < tasks && given - done < WAITING) given += await enqueue(client, project, given, tasks);
    const { counts } = await client.call('fleet_status', {});
    if (counts.failed || counts.cancelled) throw new Error(`not all ended well: ${JSON.stringify(counts)}`);
    if ((counts.done ?? 0) > done) at = performance.now();
    if (performance.now() - at > silent) throw new Error(`nothing ends any more: ${JSON.stringify(counts)}`);
    done = counts.done ?? 0;
    if (done < tasks) samples.push({ done, journal: sizeOf(join(home, 'journal')), ...looksOf(pidOf(home)) });
    if (kills.length < restarts && done >= ((kills.length + 1) * tasks) / (restarts + 1))
      kills.push(await restart(client, home, kills.length % 2 === 0 ? 'SIGKILL' : 'SIGTERM'));
    await pause(SAMPLE_MS);
  }
  return { samples, kills };
}

async function enqueue(client, project, from, tasks) {
  const count = Math.min(100, tasks - from);
  const batch = Array.from({ length: count }, (_, n) => ({ id: `t${from + n}`, body: 'Nothing is to be done.' }));
  const answers = await client.call('enqueue_task', { project, tasks: batch });
  if (answers.tasks.some(({ id }) => id === undefined)) throw new Error(JSON.stringify(answers));
  return count;
}

/** The client's bridge starts the next one. */
async function restart(client, home, signal) {
  const from = performance.now();
  await endRuntime(home, signal);
  await client.call('fleet_status', {});
  return { signal, away: performance.now() - from };
}

async function endRuntime(home, signal) {
  const pid = pidOf(home);
  if (pid === undefined || !isAlive(pid)) return;
  process.kill(pid, signal);
  while (isAlive(pid)) await pause(5);
}

function pidOf(home) {
  try {
    return JSON.parse(readFileSync(join(home, 'runtime.lock'), 'utf8')).pid;
  } catch {
    return undefined;
  }
}

function isAlive(pid) {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

async function listAll(client, state) {
  const ids = [];
  let cursor;
  do {
    const page = await client.call('list_tasks', { state, limit: 100, ...(cursor && { cursor }) });
    ids.push(...page.tasks.map(({ id }) => id));
    cursor = page.next_cursor;
  } while (cursor !== undefined);
  return ids;
}

/** What was held in the first and in the last quarter: medians, and of the journal the most. */
function quarters(samples, tasks) {
  const held = (those) => ({
    resident: median(those.map(({ resident }) => resident)),
    descriptors: median(those.map(({ descriptors }) => descriptors)),
    watches: median(those.map(({ watches }) => watches)),
    journal: Math.max(...those.map(({ journal }) => journal)) / 1_048_576,
  });
  return {
    first: held(samples.filter(({ done }) => done < tasks / 4)),
    last: held(samples.filter(({ done }) => done >= (tasks * 3) / 4)),
  };
}

function sizeOf(dir) {
  const sizes = readdirSync(dir).map((name) => statSync(join(dir, name), { throwIfNoEntry: false })?.size ?? 0);
  return sizes.reduce((sum, size) => sum + size, 0);
}

function quoted(text) {
  return `'${text}'`;
}

function table({ tasks, restarts, took, xargs, counted, distinct, left, first, last }) {
  const rate = (ms) => `${Math.round((tasks * 1_000) / ms)}/s`;
  const row = (what, ours, beside, ratio, aim) => ({ what, ours, beside, ratio, aim });
  const flat = (what, unit, digits = 0) =>
    row(
      `${what}, last quarter`,
      `${last[what].toFixed(digits)}${unit}`,
      `first: ${first[what].toFixed(digits)}${unit}`,
      `${(last[what] / first[what]).toFixed(2)} × as much`,
      'flat',
    );
  return [
    row(
      `${tasks} tasks, ${restarts} restarts`,
      rate(took),
      `xargs -P 8: ${rate(xargs)}`,
      `${(xargs / took).toFixed(2)} × the rate`,
      '≥ 0.7',
    ),
    row('ran', `${counted.ran}, ${distinct.ran} of them different`, '', '', `${tasks}`),
    row('in done/', `${counted.files}, ${distinct.listed} listed, ${left} left in inbox/`, '', '', `${tasks}`),
    flat('resident', ' MB'),
    flat('descriptors', ''),
    flat('watches', ''),
    flat('journal', ' MB', 1),
  ];
}
