import { expect, it } from 'vitest';
import type { Fleet } from '../../../src/runtime/model/fleet.ts';
import { TaskSpec, type TaskSpecInput } from '../../../src/runtime/model/spec.ts';
import { asksOf } from '../../../src/runtime/policy/abilities.ts';
import { askFor, signatureOf } from '../../../src/runtime/policy/ask.ts';
import { decide } from '../../../src/runtime/policy/decide.ts';

const agent = {
  id: 'lint',
  kind: 'command',
  program: 'lint',
  capabilities: [],
  status: 'available',
  load: 0,
  max: 1,
  keeps: [],
} as const;
const gpu = { id: 'gpu', ai: [], status: 'available', load: 0, max: 0 } as const;
const fleet: Fleet = { agents: [agent], providers: [gpu], paused: false, projects: new Map(), models: {} };

const DEMANDS = {
  verify: { verify: 'npm test' },
  'workspace: worktree': { workspace: 'worktree' },
  base: { base: 'main' },
  continues: { continues: 'other' },
  permission_mode: { permission_mode: 'plan' },
  allowed_tools: { allowed_tools: ['Read'] },
  budget_usd: { budget_usd: 1 },
} as const;

it.each(Object.entries(DEMANDS))('%s: a place that can not keep it does not get the task', (key, demand) => {
  const spec = TaskSpec.parse(demand);
  expect(asksOf(spec)).toEqual([key]);
  expect(decide(askFor(spec), fleet, 0)).toMatchObject({ to: 'wait', reason: 'no_eligible_agent' });
  const able = { ...fleet, agents: [{ ...agent, keeps: [key] }] };
  expect(decide(askFor(spec), able, 0)).toMatchObject({ to: 'agent', agent: 'lint' });
  const remote = TaskSpec.parse({ ...demand, preferred_ai: 'gpu' });
  expect(decide(askFor(remote), fleet, 0)).toMatchObject({ to: 'wait', reason: 'no_eligible_agent' });
  expect(signatureOf(spec)).not.toBe(signatureOf(TaskSpec.parse({})));
});

it('leaves to a provider what is done around it, and the rest only where its patch is applied', () => {
  const to = (demand: TaskSpecInput) => decide(askFor(TaskSpec.parse({ preferred_ai: 'gpu', ...demand })), fleet, 0).to;
  expect(to({ result_schema: { type: 'object' } })).toBe('provider');
  expect(to({ apply: 'worktree' })).toBe('provider');
  expect(to({ apply: 'worktree', verify: 'npm test', base: 'main' })).toBe('provider');
  expect(to({ verify: 'npm test' })).toBe('wait');
  expect(to({ apply: 'worktree', continues: 'other' })).toBe('wait');
});

it('asks for nothing by itself', () => {
  expect(asksOf(TaskSpec.parse({}))).toEqual([]);
});
