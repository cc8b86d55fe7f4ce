import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { UPSTREAM_PRIORITY } from '../../../../src/runtime/delegations/settings.ts';
import { patterns } from '../../../../src/runtime/io/patterns.ts';
import { jobsProvider } from '../../../../src/runtime/io/providers/jobs.ts';
import { JobState, JobsProvider } from '../../../../src/runtime/model/provider.ts';
import { isRefusal } from '../../../../src/runtime/model/refusal.ts';
import { compare } from '../../../../src/runtime/policy/result-schema/compare.ts';
import type { SchemaObject } from '../../../../src/runtime/policy/result-schema/keywords.ts';
import { refuseSchema } from '../../../../src/runtime/policy/result-schema/understand.ts';
import type { Provider } from '../../../../src/runtime/ports.ts';
import { type Endpoint, JobService, type Seen } from '../../../fakes/job-service.ts';

/* The contract as docs/jobs.openapi.yaml says it, what the adapter sends, and what the fake answers: three that agree. */

interface Response {
  readonly $ref?: string;
  readonly content?: Readonly<Record<string, { readonly schema: { readonly $ref: string } }>>;
}
interface Operation {
  readonly operationId: Endpoint;
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: { readonly $ref: string } }>> };
  readonly responses: Readonly<Record<string, Response>>;
}
interface Contract {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, SchemaObject>>;
    readonly responses: Readonly<Record<string, Response>>;
  };
}

const text = readFileSync(new URL('../../../../docs/jobs.openapi.yaml', import.meta.url), 'utf8');
const contract = parse(text.replaceAll('#/components/schemas/', '#/$defs/')) as Contract;
const operations = Object.entries(contract.paths).flatMap(([path, methods]) =>
  Object.entries(methods)
    .filter(([method]) => method !== 'parameters')
    .map(([method, operation]) => ({ path, method, ...operation })),
);
const operation = (id: Endpoint) => {
  const found = operations.find(({ operationId }) => operationId === id);
  if (!found) throw new Error(`the contract has no ${id}`);
  return found;
};

/** What of the value does not fit the schema of that name. */
function misfits(ref: string, value: unknown) {
  const schema = { $ref: ref, $defs: contract.components.schemas };
  expect(refuseSchema(schema)).toBeUndefined();
  return compare(schema, value, patterns.matcher());
}

function answerSchema(id: Endpoint, code: number): string {
  const response = operation(id).responses[String(code)];
  const { content } = response?.$ref
    ? (contract.components.responses[response.$ref.split('/').at(-1) ?? ''] ?? {})
    : (response ?? {});
  const ref = content?.['application/json']?.schema.$ref;
  if (ref === undefined) throw new Error(`the contract does not say what ${id} answers with ${code}`);
  return ref;
}

const config = JobsProvider.parse({ kind: 'jobs', base_url: 'http://127.0.0.1' });
const never = new AbortController().signal;
const order = { key: 'yardmaster-1', type: 'analyze', priority: 'high', prompt: 'p', source: 'yardmaster/dispatcher' };

test('the file says OpenAPI 3.1, and each request of the provider once', () => {
  expect(contract.openapi).toMatch(/^3\.1\./);
  expect(operations.map(({ operationId }) => operationId).sort()).toEqual(
    ['cancel', 'find', 'result', 'status', 'submit'].sort(),
  );
});

test('the paths, fields, words and priorities that need no configuration are those of the file', () => {
  for (const id of ['submit', 'status', 'result'] as const) expect(config.paths[id]).toBe(operation(id).path);
  const { Taken, Status, Result, State, Order } = contract.components.schemas;
  const fields = [Taken, Status, Result].flatMap((schema) => Object.keys(schema?.properties ?? {}));
  expect(new Set(fields)).toEqual(new Set(Object.values(config.fields)));
  expect(State?.enum).toEqual(JobState.options);
  const { priority } = (Order?.properties ?? {}) as { priority?: { enum: string[] } };
  expect(new Set(priority?.enum)).toEqual(new Set(Object.values(UPSTREAM_PRIORITY)));
});

describe('what goes over the wire', () => {
  const seen: Seen[] = [];
  let service: JobService;
  let provider: Provider;
  beforeAll(async () => {
    const onAnswer = (one: Seen) => void seen.push(one);
    service = await JobService.start({ key: 'the-key', statuses: ['processing', 'completed'], onAnswer });
    const paths = { find: `${operation('find').path}?idempotency_key={key}`, cancel: operation('cancel').path };
    const settings = { kind: 'jobs', base_url: service.url, paths, key_env: 'KEY' };
    const made = jobsProvider('far', JobsProvider.parse(settings), { env: { KEY: 'the-key' } });
    if (isRefusal(made)) throw new Error(made.message);
    provider = made;
  });
  afterAll(async () => {
    await provider.close();
    await service.close();
  });

  test('a life of jobs, as the fake sees it, keeps to the file: every request and every answer', async () => {
    expect(await provider.submit({ ...order, preferred_ai: 'gemini', model: 'm' }, never)).toMatchObject({
      job_id: 'job-1',
    });
    expect(await provider.look('job-1', never)).toMatchObject({ kind: 'active' });
    expect(await provider.look('job-1', never)).toMatchObject({ kind: 'completed' });
    expect(await provider.submit({ ...order, key: 'yardmaster-2' }, never)).toMatchObject({ job_id: 'job-2' });
    expect(await provider.find?.('yardmaster-2', never)).toBe('job-2');
    expect(await provider.find?.('nobody', never)).toBeUndefined();
    await provider.cancel?.('job-2', never);
    service.settle('job-2', 'failed', 'for a reason');
    expect(await provider.look('job-2', never)).toMatchObject({ kind: 'failed' });
    expect(await provider.look('job-3', never)).toEqual({ kind: 'unknown_job' });
    await expect(provider.cancel?.('job-3', never)).rejects.toThrow();
    await fetch(`${service.url}/api/v1/jobs`, { method: 'POST', body: '{}', headers: bearer });
    await fetch(`${service.url}/api/v1/jobs`, { method: 'POST', body: JSON.stringify(order) });

    for (const { endpoint, answer } of seen)
      expect(misfits(answerSchema(endpoint, answer.code), answer.json), `${endpoint} ${answer.code}`).toEqual([]);
    const ours = seen.filter(({ headers }) => headers['idempotency-key'] !== undefined);
    expect(ours).toHaveLength(2);
    const body = operation('submit').requestBody?.content['application/json']?.schema.$ref ?? '';
    for (const one of ours) {
      expect(misfits(body, JSON.parse(one.body))).toEqual([]);
      expect(misfits('#/$defs/IdempotencyKey', one.headers['idempotency-key'])).toEqual([]);
      expect(one.headers).toMatchObject({ 'content-type': 'application/json', authorization: 'Bearer the-key' });
    }
    for (const { headers } of seen) expect(headers['accept-encoding'] ?? 'identity').not.toMatch(/^(gzip|br)$/);
    expect(new Set(seen.map(({ endpoint }) => endpoint)).size).toBe(5);
  });

  test.each([400, 401, 402, 403, 409, 413, 429, 500, 503])('the file says what %d of a submit means', (code) => {
    expect(answerSchema('submit', code)).toBe('#/$defs/Complaint');
  });

  test('what does not keep to the file is seen', () => {
    expect(misfits('#/$defs/Order', { ...order, extra: 1 })).not.toEqual([]);
    expect(misfits('#/$defs/Status', { status: 'exploded' })).not.toEqual([]);
    expect(misfits('#/$defs/Taken', { job_id: '../admin' })).not.toEqual([]);
  });
});

const bearer = { authorization: 'Bearer the-key' };
