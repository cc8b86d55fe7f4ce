import { afterEach, beforeEach, expect, test } from 'vitest';
import { ConfiguredProviders } from '../../../../src/runtime/io/providers/configured.ts';
import { Config } from '../../../../src/runtime/model/config.ts';
import { JobService } from '../../../fakes/job-service.ts';

const never = new AbortController().signal;
const order = { key: 'k', type: 'analyze', priority: 'high', prompt: 'p', source: 'yardmaster/dispatcher' };
let service: JobService;
let providers: ConfiguredProviders;
let told: string[];

beforeEach(async () => {
  service = await JobService.start();
  told = [];
  providers = new ConfiguredProviders({}, ({ message, hint }) => told.push(`${message} → ${hint}`));
});
afterEach(async () => {
  await providers.close();
  await service.close();
});

function config(given: Record<string, object>): Config {
  const named = Object.entries(given).map(([id, one]) => [id, { kind: 'jobs', base_url: service.url, ...one }]);
  return Config.parse({ delegation: { providers: Object.fromEntries(named) } });
}

test('one that can not be used is told with what to do, and the others are there', async () => {
  await providers.update(
    config({ bad: { base_url: 'ftp://example.com' }, good: {}, keyless: { key_env: 'NOT_THERE' } }),
  );
  expect([...providers.all().keys()]).toEqual(['good', 'keyless']);
  expect(told).toEqual([
    expect.stringMatching(/^provider bad can't be used: .* → set delegation\.providers\.bad\.base_url/),
    expect.stringMatching(/^provider keyless has no key, .*NOT_THERE holds no API key → start the runtime with it/),
  ]);
});

test('a change of its settings does not cut off a submit that is on its way', async () => {
  await providers.update(config({ far: {} }));
  service.fault('submit', { kind: 'slow', ms: 300 });
  const submitting = providers.all().get('far')?.submit(order, never);
  while (service.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await providers.update(config({ far: { ai: ['gpu'] } }));
  expect(providers.all().get('far')?.ai).toEqual(['gpu']);
  expect(await submitting).toEqual({ kind: 'accepted', job_id: 'job-1' });
});

test('two changes at once leave what the last one says, and one provider of each name', async () => {
  const first = providers.update(config({ far: { ai: ['a'] }, old: {} }));
  const second = providers.update(config({ far: { ai: ['b'] } }));
  await Promise.all([first, second]);
  expect([...providers.all()].map(([id, { ai }]) => [id, ai])).toEqual([['far', ['b']]]);
});

test('what does not change stays the same provider, with its connections', async () => {
  await providers.update(config({ far: {} }));
  const before = providers.all().get('far');
  await providers.update(config({ far: {}, near: {} }));
  expect(providers.all().get('far')).toBe(before);
});
