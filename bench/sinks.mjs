import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { workOf } from './daemon.mjs';
import { median, startWorld } from './world.mjs';

/*
 * No-op tasks, eight at once, with sinks in every kind of trouble beside (a webhook that never answers, one that fails, one
 * that is slow, one that takes all; a command that hangs, one that fails; a stream of events that nobody reads), and
 * without any: in turns, so that what else the machine does is the same for both.
 */

const TASKS = 500;
const ROUNDS = 5;
const PATIENCE_MS = 60_000;
const LOOK_MS = 50;

const config = (sinks) => (project) =>
  `agents: { bench: { command: ["true"], max: 8 } }
headless: { max_running: 8 }
projects: [{ name: bench, path: ${JSON.stringify(project)}, shared_checkout: true }]
sinks: ${JSON.stringify(sinks)}
`;

export async function sinks(count = TASKS) {
  const { without, beside, missed, work } = await measureSinks({ tasks: count });
  const each = (times) => `${(median(times) / count).toFixed(1)} ms`;
  const rate = (times) => `${Math.round((count * 1_000) / median(times)).toLocaleString('en')}/s`;
  return [
    {
      what: `${count} no-op tasks, 6 sinks in trouble beside (${missed} events missed, all counted)`,
      ours: rate(beside),
      beside: `without: ${rate(without)}`,
      ratio: `${(median(without) / median(beside)).toFixed(2)} × its rate`,
      aim: 'within noise',
    },
    {
      what: "the runtime's own work for each of them",
      ours: each(work.beside),
      beside: `without: ${each(work.without)}`,
      ratio: `${(median(work.beside) / median(work.without)).toFixed(2)} × its work`,
      aim: 'within noise',
    },
  ];
}

/** Milliseconds of each round, by the clock and on a processor. */
export async function measureSinks({ tasks = TASKS, rounds = ROUNDS } = {}) {
  const hooks = await receivers();
  const [without, beside] = [[], []];
  const work = { without: [], beside: [] };
  let missed = 0;
  try {
    for (let round = 0; round < rounds; round++) {
      // Which one comes first changes with each round.
      for (const inTrouble of round % 2 === 0 ? [false, true] : [true, false]) {
        const run = await oneRun(tasks, inTrouble ? troubled(hooks) : []);
        (inTrouble ? beside : without).push(run.ms);
        (inTrouble ? work.beside : work.without).push(run.work);
        missed += run.missed;
      }
    }
  } finally {
    for (const { server } of Object.values(hooks)) {
      server.closeAllConnections();
      server.close();
    }
  }
  return { without, beside, missed, work };
}

function troubled({ hangs, fails, slow, well }) {
  const webhook = (name, { url }) => ({
    ...{ name, kind: 'webhook', url, private: true, timeout: '2s', backlog: { events: 200 } },
  });
  return [
    webhook('hangs', hangs),
    webhook('fails', fails),
    webhook('slow', slow),
    webhook('well', well),
    { name: 'stuck', kind: 'command', command: ['sleep', '600'], timeout: '2s', buffer: 100 },
    { name: 'broken', kind: 'command', command: ['sh', '-c', 'exit 1'], buffer: 100 },
  ];
}

async function oneRun(tasks, sinks) {
  const world = await startWorld({ config: config(sinks) });
  const deaf = sinks.length > 0 ? await unreading(world) : undefined;
  const before = workOf(world.pid);
  try {
    const from = performance.now();
    for (let n = 0; n < tasks; n += 100) {
      const some = Array.from({ length: Math.min(100, tasks - n) }, (_, m) => ({ id: `t${n + m}`, body: 'nothing' }));
      await world.client.call('enqueue_task', { project: world.project, tasks: some });
    }
    for (;;) {
      const { counts, sinks: seen = [] } = await world.client.call('fleet_status', {});
      if (counts.done === tasks) {
        const missed = seen.reduce((sum, one) => sum + one.missed, 0);
        return { ms: performance.now() - from, work: workOf(world.pid) - before, missed };
      }
      if (performance.now() - from > PATIENCE_MS) throw new Error(`not done in time: ${JSON.stringify(counts)}`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  } finally {
    deaf?.destroy();
    world.client.close();
    await world.end();
  }
}

async function receivers() {
  const answers = {
    hangs: () => {},
    fails: (response, n) => (n % 2 === 0 ? response.writeHead(500).end() : response.socket.destroy()),
    slow: (response) => setTimeout(() => response.writeHead(204).end(), 1_000),
    well: (response) => response.writeHead(204).end(),
  };
  const made = Object.entries(answers).map(async ([name, answer]) => {
    let n = 0;
    const server = createServer((request, response) => request.resume().on('end', () => answer(response, n++)));
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    return [name, { server, url: `http://127.0.0.1:${server.address().port}/` }];
  });
  return Object.fromEntries(await Promise.all(made));
}

/** A client of the stream of events that never reads. */
async function unreading({ dir }) {
  const { url } = await httpOf(join(dir, 'home', 'runtime.sock'));
  const token = readFileSync(join(dir, 'home', 'token'), 'utf8').trim();
  const { host, hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.pause();
  socket.write(`GET /api/v1/events HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${token}\r\n\r\n`);
  return socket;
}

/** Where it answers over HTTP, once it does. */
async function httpOf(path) {
  const socket = connect(path);
  const send = (message) => socket.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  send({ method: 'yardmaster/hello', params: { bridge: 'bench', version: '0.0.0' } });
  const lines = createInterface({ input: socket });
  try {
    for (let id = 1; ; id++) {
      send({ id, method: 'yardmaster/status', params: {} });
      const [line] = await once(lines, 'line');
      const { http } = JSON.parse(line).result ?? {};
      if (http?.state === 'on') return http;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  } finally {
    socket.destroy();
  }
}
