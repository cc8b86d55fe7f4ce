import { median, startWorld, timed } from './world.mjs';

/*
 * 500 tasks that do nothing, eight at once, from the first enqueue to the last end: journalled, each with a wrapper that
 * outlives the runtime and a result file; beside `xargs -P 8`, which only starts the same program.
 */

const TASKS = 500;
const ROUNDS = 3;
const PATIENCE_MS = 60_000;

const config = (project) => `agents: { noop: { command: ["true"], max: 8 } }
headless: { max_running: 8 }
projects: [{ name: bench, path: ${JSON.stringify(project)}, shared_checkout: true }]
`;

export async function dispatch() {
  const [ours, xargs] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    const world = await startWorld({ config });
    try {
      xargs.push(timed(`seq ${TASKS} | xargs -P 8 -n 1 true`));
      ours.push(await run(world));
    } finally {
      world.client.close();
      await world.end();
    }
  }
  return [
    {
      what: `${TASKS} no-op tasks, 8 at once`,
      ours: `${perSecond(ours)}`,
      beside: `xargs -P 8: ${perSecond(xargs)}`,
      ratio: `${(median(ours) / median(xargs)).toFixed(1)} × as long`,
      aim: '',
    },
  ];
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
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function perSecond(times) {
  return `${Math.round((TASKS * 1_000) / median(times)).toLocaleString('en')}/s`;
}
