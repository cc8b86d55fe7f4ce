import type { Load } from '../../../src/runtime/load.ts';
import { Config } from '../../../src/runtime/model/config.ts';
import type { FleetAgent } from '../../../src/runtime/model/fleet.ts';
import { LOCALLY_KEPT } from '../../../src/runtime/policy/abilities.ts';

const MINUTE = 60_000;

/** An allowance of every kind, small enough for a short history to meet it. */
export const ALLOWANCE = {
  agents: {
    worker: { daily_jobs: 9, daily_tokens: 1_500, concurrent_jobs: 2, daily_cost: { amount: 1, currency: 'USD' } },
    plain: { daily_jobs: 4, concurrent_jobs: 1 },
    claude: { daily_jobs: 6, concurrent_jobs: 2, models: ['sonnet', 'haiku'] },
    seat: { daily_jobs: 4, daily_tokens: 900, daily_cost: { amount: 0.8, currency: 'USD' } },
    far: { daily_jobs: 5, daily_tokens: 1_200, concurrent_jobs: 3, daily_cost: { amount: 0.9, currency: 'CAD' } },
  },
  models: {
    opus: { hourly_requests: 3, daily_tokens: 900, cost_ceiling_usd: 0.7 },
    sonnet: { hourly_requests: 4, daily_tokens: 1_000, instead: 'haiku' },
    haiku: { daily_cost: { amount: 0.6, currency: 'EUR' } },
  },
  projects: {
    shop: { daily_jobs: 14, daily_tokens: 2_500, daily_cost: { amount: 1.5, currency: 'USD' }, cooldown: 2 * MINUTE },
    bank: { daily_jobs: 8, daily_tokens: 1_500, daily_cost: { amount: 1, currency: 'CAD' } },
  },
} as const;

export const CONFIG = Config.parse({
  allowance: ALLOWANCE,
  projects: [
    { name: 'shop', path: '/code/shop', shared_checkout: true },
    { name: 'bank', path: '/code/bank', shared_checkout: true },
  ],
  agents: {
    worker: { command: ['work', '{model}'], max: 3 },
    plain: { command: ['plain'], max: 0 },
  },
  headless: { max_running: 0 },
  delegation: { providers: { far: { kind: 'jobs', base_url: 'https://far.example' } } },
});

/** Two sessions of one program: what they do is on their own account and on the program's. */
export function seats(load: Load): FleetAgent[] {
  return ['seat', 'bench'].map((id) => ({
    ...{ id, kind: 'session', program: 'claude', capabilities: [], status: 'available', max: 1 },
    load: load.agent(id),
    keeps: LOCALLY_KEPT,
    takes_model: true,
  }));
}

/** What a task asks for: every place, with and without a model of its own. */
export const WISHES = [
  'agent: worker',
  'agent: worker\nmodel: opus',
  'agent: plain',
  'agent: seat',
  'agent: bench\nmodel: sonnet',
  'agent: claude',
  'preferred_ai: far',
  'preferred_ai: far\nmodel: opus',
  '',
] as const;
