import { expect, it } from 'vitest';
import { isRefusal } from '../../../src/runtime/model/refusal.ts';
import { callTool } from '../../../src/server/call.ts';
import { workerTools } from '../../../src/tools/worker/index.ts';
import { everySeconds, usedFrom } from '../../../src/tools/worker/worker.ts';
import { MemoryYard } from '../../fakes/memory-yard.ts';

it('what was not said of tokens is unknown, never nothing', () => {
  expect(usedFrom(undefined)).toBeUndefined();
  expect(usedFrom({ model: 'm' })).toEqual({ model: 'm' });
  expect(usedFrom({ input_tokens: 3, output_tokens: 4, cached_tokens: 5 })).toMatchObject({
    tokens: 12,
    usage: { input_tokens: 3, output_tokens: 4, cache_read_tokens: 5 },
  });
  expect(usedFrom({ cost: { amount: 0.1, currency: 'EUR' } })).toEqual({ cost: { amount: 0.1, currency: 'EUR' } });
});

it('two heartbeats may be lost', () => {
  expect(everySeconds(60_000)).toBe(20);
  expect(everySeconds(1_000)).toBeLessThan(0.4);
});

it('every tool of workers is closed to calls from inside a task', async () => {
  const yard = new MemoryYard();
  const project = (await yard.store.adoptProject('/shop', 'shop')).id;
  const caller = { principal: 'attempt', name: 'attempt 1', task: { project, id: 'x' as never }, depth: 0 } as const;
  const args: Record<string, object> = {
    register_worker: { name: 'w' },
    claim_task: { worker: 'w', key: 'k' },
    heartbeat: { worker: 'w', key: 'k' },
    complete_task: { id: 'x', project: 'shop', attempt: 1, token: 't', result: '' },
    fail_task: { id: 'x', project: 'shop', attempt: 1, token: 't', reason: 'so' },
    deregister_worker: { worker: 'w', key: 'k' },
  };
  for (const tool of workerTools) {
    const called = await callTool(tool, { yard, caller, signal: new AbortController().signal }, args[tool.name]);
    expect(called, tool.name).toMatchObject({ kind: 'refused', refusal: { code: 'not_allowed' } });
    expect(called.kind === 'refused' && isRefusal(called.refusal)).toBe(true);
  }
});
