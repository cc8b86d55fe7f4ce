import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { jobsProvider } from '../../../../src/runtime/io/providers/jobs.ts';
import { JobsProvider } from '../../../../src/runtime/model/provider.ts';
import { isRefusal } from '../../../../src/runtime/model/refusal.ts';
import type { Provider } from '../../../../src/runtime/ports.ts';

const never = new AbortController().signal;
const order = { key: 'k/1', type: 'analyze', priority: 'high', prompt: 'p', source: 'yardmaster/dispatcher' };
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

/** A service that answers each path with its next answer; the last one stays. */
async function service(
  answers: Record<string, unknown[]>,
  config: Record<string, unknown> = {},
): Promise<{ provider: Provider; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const left = answers[`${request.method} ${request.url}`] ?? [];
    const answer = left.length > 1 ? left.shift() : left[0];
    response
      .writeHead(answer === undefined ? 404 : 200)
      .end(typeof answer === 'string' ? answer : JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base_url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/gate`;
  const provider = jobsProvider('own', JobsProvider.parse({ kind: 'jobs', base_url, ...config }));
  if (isRefusal(provider)) throw new Error(provider.message);
  ends.push(
    () => provider.close(),
    () => new Promise((resolve) => server.close(resolve).closeAllConnections()),
  );
  return { provider, asked };
}

const standard = (status: unknown[], result: unknown[] = [{ response: 'done' }]) => ({
  'GET /gate/api/v1/jobs/j': status,
  'GET /gate/api/v1/jobs/j/result': result,
});

test('every path and every field can have another name', async () => {
  const { provider, asked } = await service(
    {
      'POST /gate/v2/runs?wait=no': [{ data: { id: 77 } }],
      'GET /gate/v2/runs/77': [{ data: { phase: 'SUCCEEDED' } }],
      'GET /gate/v2/outputs?run=77': [
        {
          data: { text: 'the answer', by: { vendor: 'acme', name: 'm-1' } },
          usage: { in: 1000, out: '500', all: 1500, price: '0.25' },
        },
      ],
      'GET /gate/v2/runs?key=k%2F1': [{ jobs: [{ data: { id: 77 }, idempotency_key: 'k/1' }] }],
      'POST /gate/v2/runs/77/stop': [{}],
    },
    {
      paths: {
        submit: '/v2/runs?wait=no',
        status: '/v2/runs/{id}',
        result: '/v2/outputs?run={id}',
        find: '/v2/runs?key={key}',
        cancel: '/v2/runs/{id}/stop',
      },
      fields: {
        ...{ job_id: 'data.id', status: 'data.phase', response: 'data.text', provider: 'data.by.vendor' },
        ...{ model: 'data.by.name', cost: 'usage.price', tokens: 'usage.all' },
        ...{ input_tokens: 'usage.in', output_tokens: 'usage.out' },
      },
      states: { SUCCEEDED: 'completed' },
      currency: 'EUR',
    },
  );
  expect(await provider.submit(order, never)).toEqual({ kind: 'accepted', job_id: '77' });
  expect(await provider.look('77', never)).toEqual({
    kind: 'completed',
    response: 'the answer',
    provider: 'acme',
    model: 'm-1',
    tokens: 1500,
    usage: { input_tokens: 1000, output_tokens: 500, cache_read_tokens: 0, cache_write_tokens: 0 },
    cost: { amount: 0.25, currency: 'EUR' },
  });
  expect(await provider.find?.('k/1', never)).toBe('77');
  await provider.cancel?.('77', never);
  expect(asked).toHaveLength(5);
});

test('a service with one address for both is asked once', async () => {
  const { provider, asked } = await service(
    { 'GET /gate/r/j': [{ status: 'completed', response: { verdict: 'ok' } }] },
    { paths: { status: '/r/{id}', result: '/r/{id}' } },
  );
  const look = await provider.look('j', never);
  expect(look).toEqual({ kind: 'completed', response: '{\n  "verdict": "ok"\n}' }); // structured, shown as text
  expect(asked).toEqual(['GET /gate/r/j']);
});

test('a cost that is not answered is worked out by the table; unknown stays unknown', async () => {
  const prices = { currency: 'USD', models: { 'm-1': { input: 2, output: 10 } } };
  const fields = { input_tokens: 'usage.in', output_tokens: 'usage.out' };
  const costs = async (result: object) => {
    const answers = standard([{ status: 'completed' }], [{ response: 'x', ...result }]);
    const look = await (await service(answers, { prices, fields })).provider.look('j', never);
    return look.kind === 'completed' ? look.cost : look;
  };
  const usage = { in: 1_000_000, out: 100_000 };
  expect(await costs({ model: 'm-1', usage })).toEqual({ amount: 3, currency: 'USD' });
  expect(await costs({ model: 'm-1', usage, cost_cad: 0.5 })).toEqual({ amount: 0.5, currency: 'CAD' });
  expect(await costs({ model: 'm-2', usage })).toBeUndefined();
  expect(await costs({ model: 'm-1', tokens: 5 })).toBeUndefined();
});

test('the words of the contract are known whatever states says, in any case of letters', async () => {
  const states = { ended: 'completed', '3': 'failed' };
  const says = async (status: unknown) => (await service(standard([{ status }]), { states })).provider.look('j', never);
  expect(await says('Processing')).toEqual({ kind: 'active', status: 'processing' });
  expect(await says('ended')).toMatchObject({ kind: 'completed' });
  expect(await says('completed')).toMatchObject({ kind: 'completed' });
  expect(await says(3)).toMatchObject({ kind: 'failed' });
  expect(await says('constructor')).toMatchObject({ kind: 'active' });
  expect(await says(null)).toMatchObject({ kind: 'later' });
});

test('an end that is taken back at once is none', async () => {
  const { provider } = await service(
    standard([{ status: 'failed', error: 'a copy that is behind' }, { status: 'completed' }]),
  );
  expect(await provider.look('j', never)).toMatchObject({ kind: 'completed' });
  const back = await service(standard([{ status: 'cancelled' }, { status: 'processing' }]));
  expect(await back.provider.look('j', never)).toEqual({ kind: 'active', status: 'processing' });
});

test('completed, then processing: nothing is taken until there is a result', async () => {
  const { provider } = await service(
    standard(
      [{ status: 'completed' }, { status: 'processing' }, { status: 'completed' }],
      [
        { status: 'processing', response: 'half' },
        { status: 'completed', response: 'whole' },
      ],
    ),
  );
  expect(await provider.look('j', never)).toMatchObject({
    kind: 'later',
    reason: 'completed upstream, but its result says processing',
  });
  expect(await provider.look('j', never)).toEqual({ kind: 'active', status: 'processing' });
  expect(await provider.look('j', never)).toMatchObject({ kind: 'completed', response: 'whole' });
});

test('a result whose text is elsewhere says what is there, and is not lost', async () => {
  const { provider } = await service(standard([{ status: 'completed' }], [{ output: 'x', cost_cad: 1 }]));
  expect(await provider.look('j', never)).toEqual({
    kind: 'later',
    reason: 'completed upstream, but its result has no text at "response", only: output, cost_cad',
  });
});

test('what a failed job took is told', async () => {
  const failed = { status: 'failed', error: { code: 7, message: 'no credit' }, model: 'm', cost_cad: 0.1 };
  const { provider } = await service(standard([failed]));
  expect(await provider.look('j', never)).toEqual({
    kind: 'failed',
    reason: 'failed upstream: no credit',
    used: { model: 'm', cost: { amount: 0.1, currency: 'CAD' } },
  });
});

test('a lookup is believed by the key, or when it lists one job', async () => {
  const found = async (answer: unknown) => {
    const { provider } = await service({ 'GET /gate/f?k=k': [answer] }, { paths: { find: '/f?k={key}' } });
    return provider.find?.('k', never);
  };
  expect(await found({ job_id: 'j1' })).toBe('j1');
  expect(await found([{ job_id: 'j1' }])).toBe('j1');
  expect(await found({ jobs: [] })).toBeUndefined();
  expect(
    await found({
      jobs: [
        { job_id: 'a', idempotency_key: 'other' },
        { job_id: 'b', idempotency_key: 'k' },
      ],
    }),
  ).toBe('b');
  expect(await found({ jobs: [{ job_id: 'a', idempotency_key: 'other' }] })).toBeUndefined();
  await expect(found({ jobs: [{ job_id: 'a' }, { job_id: 'b' }] })).rejects.toThrow(/lists 2 jobs for one key/);
  await expect(found({ jobs: [{ job_id: '../x' }] })).rejects.toThrow(/without a usable job id/);
  await expect(found({ error: 'no' })).rejects.toThrow(/no list of jobs/);
});
