// node --expose-gc bench/delegation-sweeps.mjs '{"port": …, "jobs": 1000, "concurrency": 32, "sweeps": 50}': submits so many
// jobs to a service, looks at all of them so many times, and prints what that took as one line of JSON. Only the service
// that follows jobs is at work, on a queue in memory: time passes from sweep to sweep as it is told.
import { randomBytes } from 'node:crypto';
import { Delegations } from '../dist/runtime/delegations/delegations.js';
import { settingsOf } from '../dist/runtime/delegations/settings.js';
import { jobsProvider } from '../dist/runtime/io/providers/jobs.js';
import { Config } from '../dist/runtime/model/config.js';
import { keyOf } from '../dist/runtime/model/ids.js';

const { port, jobs, concurrency, sweeps } = JSON.parse(process.argv[2]);
const EARLY = 5; // by then everything is warm
const PROJECT = 'p_00000000abcd';
const far = { kind: 'jobs', base_url: `http://127.0.0.1:${port}` };
const config = Config.parse({ delegation: { concurrency, providers: { far } } });

let passed = 0;
const clock = {
  now: () => Date.now() + passed,
  after: () => () => {}, // the sweeps below are the only ones
};
const open = new Map();
const change = (task) => void open.set(keyOf(task), task);
const store = {
  epoch: 'bench',
  open: () => open,
  projects: () => [{ id: PROJECT, path: '/nowhere', name: 'bench', adopted_at: 0 }],
  text: async () => ({ bytes: Buffer.from('work'), path: '' }),
  subscribe: () => () => {},
  started: async ({ task }) => change({ ...open.get(keyOf(task)), state: 'running', started_at: clock.now() }),
  jobAccepted: async ({ task }, job_id) => change({ ...open.get(keyOf(task)), job_id }),
  end: async ({ task }) => void open.delete(keyOf(task)),
};
const nothing = async () => undefined;
const provider = jobsProvider('far', config.delegation.providers.far);
const known = new Map([['far', provider]]);
const delegations = new Delegations({
  ...{ store, clock },
  files: { read: nothing, replace: nothing, remove: nothing, sync: nothing, syncDir: nothing },
  chance: { hex: (bytes) => randomBytes(bytes).toString('hex'), fraction: Math.random },
  providers: () => known,
  settings: () => settingsOf(config),
  composer: { compose: async () => ({ kind: 'ready', prompt: 'work' }) },
  answers: { judge: async ({ outcome }) => ({ kind: 'done', outcome }), stop: nothing },
  afterFailure: () => {
    throw new Error('no job should have failed');
  },
  ttl: () => 1e12,
  changed: () => {},
  report: ({ message }) => process.stderr.write(`${message}\n`),
});

await delegations.start();
await Promise.all(Array.from({ length: jobs }, (_, n) => submitted(`t${n}`)));
const times = [];
const looks = { heap: [], resident: [] };
let before = process.cpuUsage();
for (let sweep = 1; sweep <= sweeps; sweep++) {
  passed += config.delegation.interval;
  const from = performance.now();
  await delegations.tick();
  times.push(performance.now() - from);
  if (sweep === EARLY || sweep === sweeps) look(looks);
  if (sweep === EARLY) before = process.cpuUsage();
}
const { user, system } = process.cpuUsage(before);
const { delegated_polls_total, delegated_active } = delegations.status();
if (delegated_polls_total !== jobs * sweeps || delegated_active !== jobs)
  throw new Error(`${delegated_polls_total} looks at ${delegated_active} jobs: not every sweep saw every job`);
console.log(JSON.stringify({ times, ...looks, cpu: (user + system) / 1_000 / (sweeps - EARLY) }));
await delegations.stop();
await provider.close();

async function submitted(id) {
  const core = { seq: 1, queued_at: 0, changed_at: 0, changed_seq: 1, title: id, sha: '', size: 4, depth: 0 };
  const ref = { project: PROJECT, id };
  const route = { to: 'provider', provider: 'far', rules: [] };
  const attempt = { attempt: 1, spent: 1, token: id, claimed_at: 0, route };
  const task = { ...ref, ...core, ...attempt, spec: { priority: 'default' }, waits_for: [], state: 'claimed' };
  change(task);
  await delegations.submit({ task: ref, attempt: 1, epoch: 'bench', token: id }, task, Buffer.from('work'));
}

function look({ heap, resident }) {
  for (let n = 0; n < 3; n++) globalThis.gc();
  const { heapUsed, rss } = process.memoryUsage();
  heap.push(heapUsed / 2 ** 20);
  resident.push(rss / 2 ** 20);
}
