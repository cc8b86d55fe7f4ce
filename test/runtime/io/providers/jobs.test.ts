import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type JobsOptions, jobsProvider } from '../../../../src/runtime/io/providers/jobs.ts';
import { JobsProvider } from '../../../../src/runtime/model/provider.ts';
import { isRefusal } from '../../../../src/runtime/model/refusal.ts';
import type { Provider } from '../../../../src/runtime/ports.ts';
import {
  KEYS,
  type ProviderFault,
  providerConformance,
  type UpstreamWorld,
  upstreamConformance,
} from '../../../conformance/provider.ts';
import { type Endpoint, type Fault, JobService } from '../../../fakes/job-service.ts';

const never = new AbortController().signal;

function jobs(url: string, config: Record<string, unknown> = {}, options: JobsOptions = {}): Provider {
  const provider = jobsProvider('fake', JobsProvider.parse({ kind: 'jobs', base_url: url, ...config }), options);
  if (isRefusal(provider)) throw new Error(provider.message);
  return provider;
}

async function world(): Promise<UpstreamWorld> {
  const service = await JobService.start({ key: KEYS.right, statuses: ['processing'] });
  let stopped = false;
  const stop = async () => {
    if (!stopped) await service.close();
    stopped = true;
  };
  return {
    async provider({ idempotent = false, timeout_ms = 5_000, key = 'right' } = {}) {
      const paths = { find: '/api/v1/jobs?idempotency_key={key}', cancel: '/api/v1/jobs/{id}/cancel' };
      const config = { idempotent_submit: idempotent, timeout: timeout_ms / 1_000, key_env: 'FAKE_KEY', paths };
      const env = { FAKE_KEY: KEYS[key] };
      return jobs(service.url, config, { env, max_bytes: 100_000 });
    },
    jobsMade: (key) => service.jobsWithKey(key).length,
    prompts: () => [...service.jobs.values()].map((job) => job.order.prompt),
    requests: () => service.requests.length,
    finish(prompt, as, words) {
      const { job_id } = [...service.jobs.values()].find((job) => job.order.prompt === prompt) ?? { job_id: '' };
      service.settle(job_id, as, as === 'completed' ? '' : words);
      if (as === 'completed') service.job(job_id).result = { response: words };
    },
    forget: (job_id) => service.jobs.delete(job_id),
    fault: (at, fault) => service.fault(ENDPOINT[at], translate(fault)),
    stop,
    connections: () => service.connections(),
    close: stop,
  };
}

const ENDPOINT: Record<'submit' | 'look' | 'result', Endpoint> = { submit: 'submit', look: 'status', result: 'result' };

function translate(fault: ProviderFault): Fault {
  switch (fault.kind) {
    case 'http':
      return { ...fault, kind: 'status' };
    case 'malformed':
      return { ...fault, kind: 'body', text: '{"job_id": ' };
    case 'huge':
      return { ...fault, bytes: 5_000_000 };
    case 'redirect':
      return { kind: 'redirect', code: fault.code, to: 'http://169.254.169.254/latest/meta-data/' };
    default:
      return fault;
  }
}

providerConformance('jobs', world);
upstreamConformance('jobs', world);

describe('the jobs provider', () => {
  let service: JobService;
  const opened: Provider[] = [];
  const open = (...given: Parameters<typeof jobs>) => {
    const provider = jobs(...given);
    opened.push(provider);
    return provider;
  };
  const order = { key: 'k', type: 'analyze', priority: 'high', prompt: 'p', source: 'yardmaster/dispatcher' };

  beforeEach(async () => {
    service = await JobService.start({ statuses: ['completed'] });
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((provider) => provider.close()));
    await service.close();
  });

  it('names the model that the task names', async () => {
    await open(service.url).submit({ ...order, model: 'large-2' }, never);
    expect(service.job('job-1').order).toMatchObject({ model: 'large-2' });
  });

  it('sends exactly the fields of the contract, and the key as a header', async () => {
    const submitted = await open(service.url).submit({ ...order, preferred_ai: 'gemini' }, never);
    expect(submitted).toEqual({ kind: 'accepted', job_id: 'job-1' });
    const { key: _key, ...body } = order;
    expect(service.job('job-1')).toMatchObject({ key: 'k', order: { ...body, preferred_ai: 'gemini' } });
    expect(Object.keys(service.job('job-1').order).sort()).toEqual([
      'preferred_ai',
      'priority',
      'prompt',
      'source',
      'type',
    ]);
  });

  it('keeps a base path of the address', async () => {
    const provider = open(`${service.url}/gateway/`);
    expect((await provider.submit(order, never)).kind).toBe('refused'); // the fake knows no /gateway
    expect(service.requests).toEqual(['POST /gateway/api/v1/jobs']);
  });

  it('drops a malformed cost, not the result', async () => {
    const provider = open(service.url);
    await provider.submit(order, never);
    service.job('job-1').result = { cost_cad: 'dear', tokens: -1, model: 'a\nb' };
    const look = await provider.look('job-1', never);
    expect(look).toEqual({ kind: 'completed', response: 'Answer to: p', provider: 'gemini' });
  });

  it('does not believe a job id that could leave its place in a path or a file', async () => {
    const provider = open(service.url);
    for (const job_id of ['../admin', 'a/b', '', 'a\nb', { x: 1 }]) {
      service.fault('submit', { kind: 'body', text: JSON.stringify({ job_id }) });
      expect((await provider.submit(order, never)).kind).toBe('unconfirmed');
    }
  });

  it('takes an unknown word for work that goes on, and shows it', async () => {
    service.fault('status', { kind: 'body', text: '{"status":"ex\\u001b[2Jploded"}' });
    expect(await open(service.url).look('job-1', never)).toEqual({
      kind: 'active',
      status: '"exploded", a word that its states do not name',
    });
  });

  it('reads the key file anew for each request', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'yard-key-'));
    const guarded = await JobService.start({ key: 'second' });
    const provider = open(guarded.url, { key_file: join(dir, 'key') });
    expect(await provider.submit(order, never)).toMatchObject({
      kind: 'refused',
      reason: expect.stringMatching(/can't be read \(ENOENT\)/),
    });
    await writeFile(join(dir, 'key'), 'first\n');
    expect(await provider.submit(order, never)).toMatchObject({ kind: 'refused', class: 'auth' });
    await writeFile(join(dir, 'key'), 'second\n');
    expect((await provider.submit(order, never)).kind).toBe('accepted');
    await guarded.close();
    await rm(dir, { recursive: true });
  });

  it('reads Retry-After as a date too', async () => {
    service.fault('status', { kind: 'status', code: 429, retry_after: new Date(Date.now() + 60_000).toUTCString() });
    const look = await open(service.url).look('job-1', never);
    expect(look).toMatchObject({ kind: 'later' });
    const wait = (look as { retry_after_ms?: number }).retry_after_ms ?? 0;
    expect(wait).toBeGreaterThan(50_000);
    expect(wait).toBeLessThanOrEqual(61_000); // both dates are in whole seconds
  });

  it('finds and cancels where the service can', async () => {
    const paths = { find: '/api/v1/jobs?idempotency_key={key}', cancel: '/api/v1/jobs/{id}/cancel' };
    const provider = open(service.url, { paths });
    await provider.submit(order, never);
    expect(await provider.find?.('k', never)).toBe('job-1');
    expect(await provider.find?.('other', never)).toBeUndefined();
    await provider.cancel?.('job-1', never);
    expect(await provider.look('job-1', never)).toMatchObject({ kind: 'failed' });
    await expect(provider.cancel?.('job-9', never)).rejects.toThrow(/did not cancel job job-9: HTTP 404/);
    service.fault('find', { kind: 'status', code: 500 });
    await expect(provider.find?.('k', never)).rejects.toThrow(/could not look a job up: HTTP 500/);
  });

  it.each([
    ['an address that is not HTTP', { base_url: 'ftp://example.com' }, /not HTTP/],
    ['a password in the address', { base_url: 'http://me:hunter2@example.com' }, /a user or a password/],
    ['a key in the address', { base_url: 'http://example.com/?key=hunter2' }, /behind \? or #/],
    [
      'a path that names no job',
      { base_url: 'http://e.com', paths: { status: '/jobs' } },
      /paths\.status names no job/,
    ],
    ['a lookup without its key', { base_url: 'http://e.com', paths: { find: '/jobs' } }, /paths\.find names no job/],
  ])('refuses %s', (_name, config, message) => {
    const refusal = jobsProvider('odd', JobsProvider.parse({ kind: 'jobs', ...config }));
    expect(refusal).toMatchObject({ refused: true, code: 'not_configured', message: expect.stringMatching(message) });
    expect(JSON.stringify(refusal)).not.toContain('hunter2');
  });

  it('has find and cancel only where their paths are configured', () => {
    expect(open(service.url).find).toBeUndefined();
    expect(open(service.url).cancel).toBeUndefined();
  });
});
