import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { median } from './world.mjs';

/*
 * Many jobs at a remote service that takes its time for each answer: how long one look at all of them takes beside the
 * ideal (every place of the lane busy, nothing but the service's own time), and whether memory stays flat over many such
 * sweeps. The service is a program of its own, and so is what follows the jobs.
 */

const FAKE = fileURLToPath(new URL('../test/fakes/job-service-main.mjs', import.meta.url));
const SWEEPS = fileURLToPath(new URL('delegation-sweeps.mjs', import.meta.url));

export async function delegation(jobs = 1_000) {
  const { concurrency, latency, sweeps, ideal, sweep, first, heap, resident, cpu } = await measureDelegation({ jobs });
  const row = (what, ours, beside = '', ratio = '', aim = '') => ({ what, ours, beside, ratio, aim });
  const mb = ([early, late]) => `${early.toFixed(1)} → ${late.toFixed(1)} MB`;
  const what = `sweep, ${jobs} jobs, ${concurrency} at once, ${latency} ms each`;
  return [
    row(what, `${sweep.toFixed(0)} ms`, `${ideal} ms ideal`, `${(sweep / ideal).toFixed(2)} ×`, '≤ 1.5 ×'),
    row('  the first one', `${first.toFixed(0)} ms`),
    row('  processor time of one', `${cpu.toFixed(0)} ms`),
    row(`heap, sweep 5 → ${sweeps}`, mb(heap), '', '', 'flat'),
    row(`resident, sweep 5 → ${sweeps}`, mb(resident), '', '', 'flat'),
  ];
}

export async function measureDelegation({ jobs = 1_000, concurrency = 32, latency = 20, sweeps = 50 }) {
  const fake = spawn(process.execPath, [FAKE, JSON.stringify({ latency_ms: latency, statuses: ['processing'] })], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  try {
    const [line] = await once(createInterface({ input: fake.stdout }), 'line');
    const order = { jobs, concurrency, sweeps, port: JSON.parse(line).port };
    const { times, ...seen } = await followed(order);
    const ideal = (jobs / concurrency) * latency;
    return { jobs, concurrency, latency, sweeps, ideal, first: times[0], sweep: median(times.slice(1)), ...seen };
  } finally {
    fake.kill();
  }
}

async function followed(order) {
  const child = spawn(process.execPath, ['--expose-gc', SWEEPS, JSON.stringify(order)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  await once(child, 'exit');
  return JSON.parse(line);
}
