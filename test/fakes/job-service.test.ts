import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { JobService } from './job-service.ts';

const order = JSON.stringify({ type: 'analyze', priority: 'high', prompt: 'p', source: 'test' });
const post = (url: string, body = order) => fetch(`${url}/api/v1/jobs`, { method: 'POST', body });

test('a fault hits the nth request to its endpoint, or the next ones, until it is healed', async () => {
  const service = await JobService.start({ faults: [{ at: 'status', nth: 2, fault: { kind: 'status', code: 500 } }] });
  await post(service.url);
  const look = async () => (await fetch(`${service.url}/api/v1/jobs/job-1`)).status;
  expect([await look(), await look(), await look()]).toEqual([200, 500, 200]);
  service.fault('status', { kind: 'status', code: 429, retry_after: '1' }, Number.POSITIVE_INFINITY);
  expect([await look(), await look()]).toEqual([429, 429]);
  service.heal();
  expect(await look()).toBe(200);
  await service.close();
});

test('as a process of its own it is told what to do by its control endpoint and by its standard input', async () => {
  const main = fileURLToPath(new URL('./job-service-main.mjs', import.meta.url));
  const child = spawn(process.execPath, [main, '{"honour_keys": false, "statuses": ["processing"]}'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const said = async () => JSON.parse((await lines.next()).value as string);
  const url = `http://127.0.0.1:${(await said()).port}`;
  const control = async (command: object) =>
    (await fetch(`${url}/control`, { method: 'POST', body: JSON.stringify(command) })).json();

  await control({ script: [{ at: 'submit', nth: 1, fault: { kind: 'drop', accepting: true } }] });
  await expect(post(url)).rejects.toThrow();
  expect(await control({ statuses: ['job-1', ['completed', 'processing', 'failed']] })).toMatchObject({
    jobs: [{ job_id: 'job-1', looks: 0 }],
    requests: ['POST /api/v1/jobs'],
    counts: { submit: 1 },
  });
  const look = async () => ((await (await fetch(`${url}/api/v1/jobs/job-1`)).json()) as { status: string }).status;
  expect([await look(), await look(), await look()]).toEqual(['completed', 'processing', 'failed']);
  child.stdin.write('{"forget": "job-1"}\n');
  expect(await said()).toMatchObject({ jobs: [] });
  child.stdin.end();
  expect(await once(child, 'exit')).toEqual([0, null]);
});
