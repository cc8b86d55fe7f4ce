import { execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { median, ROOT, startWorld } from './world.mjs';

/*
 * Agents in terminals, played by the stand-in of the tests. Many that work and say nothing for a minute: what the runtime
 * needs for that, with all that it starts, beside a shell that looks at each pane once a second. And the time from
 * enqueue_task to the agent's first instruction, beside tmux's own respawn-pane of the same program.
 */

const AGENT = [process.execPath, join(ROOT, 'test', 'fakes', 'agent', 'claude.mjs')];
const MINUTE_MS = 60_000;
const SETTLE_MS = 10_000; // what began a moment ago is not silence
const PAIRS = 20;
const PATIENCE_MS = 180_000;
const TICK_MS = 10; // of the kernel's accounts

export async function sessions(count = 50) {
  return [...(await silence(count)), await firstInstruction()];
}

async function silence(count) {
  const bench = await open(count);
  try {
    const tasks = Array.from({ length: count }, (_, n) => ({ id: `silent-${n}`, body: '[[silent]]', mode: 'session' }));
    await bench.world.client.call('enqueue_task', { project: bench.world.project, tasks });
    await until(() => bench.starts().length >= count);
    await pause(SETTLE_MS);
    const server = Number(bench.tmux('display-message', '-p', '#{pid}'));
    const ours = await workDuring(bench.world.pid, server);
    const poll = pollEachSecond(bench);
    const beside = await workDuring(poll.pid, server).finally(() => process.kill(-poll.pid, 'SIGKILL'));
    return [
      {
        what: `${count} silent sessions, of a core`,
        ours: percent(ours.work),
        beside: `capture-pane each second: ${percent(beside.work)}`,
        ratio: `${(ours.work / beside.work).toFixed(2)} × as much`,
        aim: '< 1 %',
      },
      {
        what: "and of tmux's server",
        ours: percent(ours.server),
        beside: percent(beside.server),
        ratio: '',
        aim: '',
      },
    ];
  } finally {
    await bench.end();
  }
}

async function firstInstruction() {
  const bench = await open(1);
  const [ours, bare] = [[], []];
  try {
    bench.tmux('new-session', '-d', '-s', 'bare', '-c', bench.world.project, 'cat');
    for (let pair = 0; pair <= PAIRS; pair++) {
      const task = { project: bench.world.project, id: `first-${pair}`, body: '[[say:here]]', mode: 'session' };
      ours.push(await bench.started(() => bench.world.client.call('enqueue_task', task)));
      await ended(bench, task.id);
      bare.push(await bench.started(() => respawn(bench)));
    }
  } finally {
    await bench.end();
  }
  const [us, them] = [median(ours.slice(1)), median(bare.slice(1))]; // the first has its session made as well
  return {
    what: "enqueue_task → agent's first instruction",
    ours: `${us.toFixed(0)} ms`,
    beside: `respawn-pane: ${them.toFixed(0)} ms`,
    ratio: `+${(us - them).toFixed(0)} ms`,
    aim: '≤ +60 ms',
  };
}

/** A home whose agents work on a tmux server of its own, under an account of its own. */
async function open(max) {
  const world = await startWorld({
    config: (project) => {
      const dir = dirname(project);
      const account = join(dir, 'account');
      mkdirSync(account);
      writeFileSync(join(account, '.claude.json'), '{}');
      const settings = {
        agents: {
          claude: {
            program: AGENT,
            profiles: [{ name: 'bench', config_dir: account }],
            env: { FAKE_AGENT_STARTS: join(dir, 'starts') },
          },
        },
        pool: { autonomous: { prefix: 'bench-', min: Math.min(max, 1), max } },
        tmux: { socket: join(dir, 'tmux') },
        projects: [{ name: 'bench', path: project, shared_checkout: true }],
      };
      return Object.entries(settings)
        .map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`)
        .join('');
    },
  });
  const tmux = (...args) => execFileSync('tmux', ['-S', join(world.dir, 'tmux'), ...args], { encoding: 'utf8' }).trim();
  const starts = () => linesOf(join(world.dir, 'starts')).map((line) => JSON.parse(line));
  return {
    world,
    tmux,
    starts,
    /** Milliseconds from the beginning of an act to the first instruction of the agent that it starts. */
    async started(act) {
      const [from, before] = [Date.now(), starts().length];
      const acting = act();
      await until(() => starts().length > before);
      await acting;
      return starts()[before].at - from;
    },
    async end() {
      world.client.close();
      try {
        tmux('kill-server');
      } catch {
        // there is none
      }
      await world.end();
    },
  };
}

function respawn({ tmux, world }) {
  const env = { CLAUDE_CONFIG_DIR: join(world.dir, 'account'), FAKE_AGENT_STARTS: join(world.dir, 'starts') };
  const set = Object.entries(env).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  tmux('respawn-pane', '-k', '-t', 'bare', ...set, ...AGENT, `--session-id=${randomUUID()}`, '--', '[[say:here]]');
}

async function ended({ world }, id) {
  for (;;) {
    const { all_ended } = await world.client.call('job_status', { project: world.project, id, wait_seconds: 20 });
    if (all_ended) return;
  }
}

function pollEachSecond({ world, tmux }) {
  const panes = tmux('list-panes', '-a', '-F', '#{pane_id}').split('\n').join(' ');
  const look = `tmux -S '${join(world.dir, 'tmux')}' capture-pane -p -t "$pane"`;
  const loop = `while :; do for pane in ${panes}; do ${look} >/dev/null; done; sleep 1; done`;
  return spawn('sh', ['-c', loop], { detached: true, stdio: 'ignore' });
}

/** Shares of a core: of this process with all that it has started and seen end, and of another one. */
async function workDuring(pid, server) {
  const [work, other] = [ticksOf(pid), ticksOf(server)];
  await pause(MINUTE_MS);
  const share = (ticks) => (ticks * TICK_MS) / MINUTE_MS;
  return { work: share(ticksOf(pid) - work), server: share(ticksOf(server) - other) };
}

function ticksOf(pid) {
  const [, fields] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(/\) (?=[A-Z] )/);
  return fields
    .split(' ')
    .slice(11, 15) // user and system, its own and of its children
    .reduce((sum, ticks) => sum + Number(ticks), 0);
}

function linesOf(path) {
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : [];
}

function percent(share) {
  return `${(share * 100).toFixed(2)} %`;
}

async function until(holds) {
  for (const end = Date.now() + PATIENCE_MS; !holds(); await pause(5))
    if (Date.now() > end) throw new Error(`This did not come true in time: ${holds}`);
}
