import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bridge, looksOf, startDaemon, stdioClient, workOf } from './daemon.mjs';
import { makeOldHome } from './old-home.mjs';
import { diskFolder, median } from './world.mjs';

/*
 * A home with a long past: how long the runtime takes to start on it, what memory it holds, how fast it shows pages of
 * what was done long ago, and what a question costs beside the SDK's own echo on stdio, asked by the same client.
 */

const ECHO = fileURLToPath(new URL('echo-server.mjs', import.meta.url));
/** How often each is asked: for a p99, and turn by turn with the echo. */
const THOROUGH = { starts: 5, pages: 200, asked: 600 };

/** What is listed; a page of each costs the same however old the queue is. */
const LISTS = {
  'all tasks': {},
  done: { state: 'done' },
  cancelled: { state: 'cancelled' },
  'failed, one project': { state: ['failed', 'cancelled'], project: 'blog' },
  'a project left long ago': { project: 'attic' },
  'its failed ones': { project: 'attic', state: 'failed' },
  'an old group': { group: 'release-3' },
  'a group of all times': { group: 'rare' },
  'a group that is not there': { group: 'nobody', project: 'shop' },
  'the last 10 days': { changed_since: '10d' },
};
const RESOURCES = ['queue://done', 'queue://failed', 'queue://inbox', 'queue://attic/done', 'queue://blog/failed'];

export async function scale(finished = 100_000) {
  return table(await measureScale({ finished }));
}

export async function measureScale({ finished, open = 1_000, effort = THOROUGH }) {
  const fileless = Math.max(0, finished - 100_000); // a page shows no more than the list knows
  const { dir } = diskFolder();
  try {
    const env = await makeOldHome(dir, { finished, open, fileless });
    const starts = await measureStarts(env, effort.starts);
    const daemon = await startDaemon(env);
    const client = await bridge(env);
    try {
      await client.call('fleet_status', {});
      const atRest = looksOf(daemon.pid);
      const lists = {};
      for (const [what, query] of Object.entries(LISTS))
        lists[what] = await walk({ client, daemon }, query, effort.pages);
      const resources = {};
      for (const uri of RESOURCES) resources[uri] = await read({ client, daemon }, uri, effort.pages);
      const asked = await beside({ client, daemon }, { finished, open }, effort.asked);
      return { finished, open, starts, atRest, after: looksOf(daemon.pid), lists, resources, asked };
    } finally {
      await client.close();
      await daemon.stop();
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Spawn → a list answered, so everything is recovered; beside a bare node, turn by turn. */
async function measureStarts(env, count) {
  const [ours, bare] = [[], []];
  for (let n = 0; n < count; n++) {
    const from = performance.now();
    await once(spawn(process.execPath, ['-e', ''], { stdio: 'ignore' }), 'exit');
    bare.push(performance.now() - from);
    const daemon = await startDaemon(env);
    const client = await bridge(env);
    await client.call('list_tasks', {});
    ours.push(performance.now() - daemon.from);
    await client.close();
    await (n % 2 === 0 ? daemon.kill() : daemon.stop());
  }
  return { ours: median(ours), bare: median(bare) };
}

/** All pages, from the first to the last; short lists several times. */
async function walk({ client, daemon }, query, enough) {
  const times = new Times(daemon.pid);
  let tasks = 0;
  for (let walks = 0; times.count < enough; walks++) {
    let cursor;
    do {
      const args = { limit: 100, ...query, ...(cursor && { cursor }) };
      const answer = await times.of(() => client.call('list_tasks', args));
      if (walks === 0) tasks += answer.tasks.length;
      cursor = answer.next_cursor;
    } while (cursor !== undefined);
  }
  return { ...times.spread(), tasks };
}

async function read({ client, daemon }, uri, enough) {
  const times = new Times(daemon.pid);
  while (times.count < enough) await times.of(() => client.request('resources/read', { uri }));
  return times.spread();
}

/** `job_status` of open tasks, of new ones and of old ones, and the SDK's echo: turn by turn. */
async function beside({ client, daemon }, { finished, open }, asked) {
  const echo = await stdioClient([ECHO]);
  const status = (id) => client.call('job_status', { id, project: 'shop' });
  const old = Math.min(9_000, finished / 10 - 300);
  const asks = {
    'job_status, open': (n) => status(`open-${4 * (n % (open / 4))}`),
    'job_status, just finished': () => status(`past-${finished - 10}`),
    'job_status, long finished': (n) => status(`past-${finished - 2_900 - 10 * (n % old)}`),
    echo: (n) => echo.call('echo', { id: `open-${n}` }),
  };
  const times = Object.fromEntries(Object.keys(asks).map((what) => [what, new Times(daemon.pid)]));
  for (let n = 0; n < asked; n++) for (const [what, ask] of Object.entries(asks)) await times[what].of(() => ask(n));
  await echo.close();
  return Object.fromEntries(Object.entries(times).map(([what, those]) => [what, those.spread()]));
}

/** How long a client waited, and how long the runtime was at work meanwhile: the second is the same on a busy machine. */
class Times {
  #pid;
  #waited = [];
  #worked = [];

  constructor(pid) {
    this.#pid = pid;
  }

  get count() {
    return this.#waited.length;
  }

  async of(run) {
    const [from, before] = [performance.now(), workOf(this.#pid)];
    const answer = await run();
    this.#waited.push(performance.now() - from);
    this.#worked.push(workOf(this.#pid) - before);
    return answer;
  }

  spread() {
    const [waited, worked] = [sorted(this.#waited), sorted(this.#worked)];
    const at = (values, share) => values[Math.floor((values.length - 1) * share)];
    return {
      count: this.count,
      p50: at(waited, 0.5),
      p99: at(waited, 0.99),
      work50: at(worked, 0.5),
      work99: at(worked, 0.99),
    };
  }
}

const sorted = (values) => [...values].sort((a, b) => a - b);

function table({ finished, open, starts, atRest, after, lists, resources, asked }) {
  const row = (what, ours, beside = '', ratio = '', aim = '') => ({ what, ours, beside, ratio, aim });
  const { echo, ...status } = asked;
  const besideEcho = `SDK echo: ${inMs(echo)}`;
  const much = `${finished.toLocaleString('en')} finished, ${open.toLocaleString('en')} open`;
  return [
    row(
      `start on ${much}`,
      ms(starts.ours),
      `node -e '': ${ms(starts.bare)}`,
      times(starts.ours, starts.bare),
      '≤ 3 s',
    ),
    row('resident, started', mb(atRest.resident), '', '', '≤ 250 MB'),
    row('resident, after all pages', `${mb(after.resident)}, at most ${mb(after.peak)}`, '', '', '≤ 250 MB'),
    ...Object.entries(lists).map(([what, list]) =>
      row(`list_tasks: ${what} (${list.tasks})`, withWork(list), besideEcho, times(list.p50, echo.p50), 'p99 ≤ 15 ms'),
    ),
    ...Object.entries(resources).map(([uri, those]) =>
      row(uri, withWork(those), besideEcho, times(those.p50, echo.p50), 'p99 ≤ 15 ms'),
    ),
    ...Object.entries(status).map(([what, those]) =>
      row(what, inMs(those), besideEcho, times(those.p50, echo.p50), 'p50 ≤ 2'),
    ),
  ];
}

const ms = (value) => `${value.toFixed(value < 100 ? 1 : 0)} ms`;
const mb = (value) => `${value.toFixed(0)} MB`;
const inMs = ({ p50, p99 }) => `p50 ${ms(p50)}, p99 ${ms(p99)}`;
const withWork = (those) => `${inMs(those)} (at work: ${ms(those.work50)}, ${ms(those.work99)})`;
const times = (ours, beside) => `${(ours / beside).toFixed(1)} × as long`;
