import { median, startWorld, timed } from './world.mjs';

/*
 * 500 tasks, eight at once, from the first enqueue to the last end: journalled, each with a run directory of its own, an
 * agent that outlives the runtime, and a result file; beside `xargs -P 8`, which only starts the same program. Once with
 * a program that does nothing, once with one that takes a moment, as the shortest real work does.
 */

const TASKS = 500;
const ROUNDS = 3;
const PATIENCE_MS = 60_000;
const LOOK_MS = 50; // each look costs the runtime time that the tasks could use

const PROGRAMS = [
  { what: 'no-op', command: ['true'] },
  { what: '20 ms', command: ['sleep', '0.02'] },
];

const config = (command) => (project) =>
  `agents: { bench: { command: ${JSON.stringify(command)}, max: 8 } }
headless: { max_running: 8 }
projects: [{ name: bench, path: ${JSON.stringify(project)}, shared_checkout: true }]
`;

export async function dispatch() {
  const rows = [];
  for (const program of PROGRAMS) rows.push(await compare(program));
  return rows;
}

async function compare({ what, command }) {
  const [ours, xargs] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    const world = await startWorld({ config: config(command) });
    try {
      xargs.push(timed(`seq ${TASKS} | xargs -P 8 -I{} ${command.join(' ')}`));
      ours.push(await run(world));
    } finally {
      world.client.close();
      await world.end();
    }
  }
  return {
    what: `${TASKS} ${what} tasks, 8 at once`,
    ours: `${perSecond(ours)}`,
    beside: `xargs -P 8: ${perSecond(xargs)}`,
    ratio: `${(median(xargs) / median(ours)).toFixed(2)} × its rate`,
    aim: '≥ 0.7 ×',
  };
}

async function run({ client, project }) {
  const from = performance.now();
  for (let done = 0; done < TASKS; done += 100) {
    const tasks = Array.from({ length: 100 }, (_, n) => ({
      id: `t${done + n}`,
      body: 'nothing',
    }));
    await client.call('enqueue_task', { project, tasks });
  }
  for (;;) {
    const { counts } = await client.call('fleet_status', {});
    if (counts.done === TASKS) return performance.now() - from;
    if (performance.now() - from > PATIENCE_MS) throw new Error(`not done in time: ${JSON.stringify(counts)}`);
    if (counts.failed > 0) throw new Error(`${counts.failed} tasks failed`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

function perSecond(times) {
  return `${Math.round((TASKS * 1_000) / median(times)).toLocaleString('en')}/s`;
}
