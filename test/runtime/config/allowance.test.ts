import { expect, test } from 'vitest';
import { loadConfig } from '../../../src/runtime/config/load.ts';
import { describeProblem } from '../../../src/runtime/config/problem.ts';

const FILE = '/home/ada/yardmaster.yaml';

async function load(...lines: string[]) {
  const text = lines.join('\n');
  const env = { YARDMASTER_CONFIG: FILE };
  const loaded = await loadConfig({
    read: async (path) => (path === FILE ? text : undefined),
    env,
    userHome: '/home/ada',
  });
  return { config: loaded.config, says: loaded.problems.map(describeProblem) };
}

const KNOWN = [
  'agents: { lint-bot: { command: [lint-bot] } }',
  'projects: [{ name: shop, path: ~/shop }]',
  'pool: { autonomous: { max: 2 } }',
  'delegation: { providers: { far: { kind: jobs, base_url: "https://far.example" } } }',
];

test('what may be spent, by whoever is configured; what is not said is not limited', async () => {
  const { config, says } = await load(
    ...KNOWN,
    'allowance:',
    '  agents:',
    '    claude: { daily_tokens: 5000000, concurrent_jobs: 4, max_job_duration: 30m, models: [sonnet] }',
    '    lint-bot: { daily_jobs: 100 }',
    '    far: { daily_cost: { amount: 5, currency: CAD } }',
    '    ccl-auto-1: { daily_jobs: 3 }',
    '  models: { opus: { daily_tokens: 2000000, hourly_requests: 200, cost_ceiling_usd: 50, instead: sonnet } }',
    '  projects: { shop: { daily_jobs: 20, cooldown: 5m } }',
  );
  expect(says).toEqual([]);
  expect(config?.allowance).toMatchObject({
    agents: {
      claude: { daily_tokens: 5_000_000, daily_jobs: 0, concurrent_jobs: 4, max_job_duration: 1_800_000 },
      far: { daily_cost: { amount: 5, currency: 'CAD' } },
    },
    models: { opus: { cost_ceiling_usd: 50, instead: 'sonnet' } },
    projects: { shop: { daily_jobs: 20, daily_tokens: 0, cooldown: 300_000 } },
  });
});

test('names that nobody bears are told, with those that are known', async () => {
  const { says } = await load(
    ...KNOWN,
    'allowance: { agents: { cluade: { daily_jobs: 1 } }, projects: { shpo: { daily_jobs: 1 } } }',
  );
  expect(says).toEqual([
    expect.stringMatching(/allowance\.agents\.cluade.*is not configured.*claude.*lint-bot.*far.*ccl-auto-1/s),
    expect.stringMatching(/allowance\.projects\.shpo.*is not configured.*shop/s),
  ]);
});

test('a limit of another kind, and a currency that is none, are told', async () => {
  expect((await load('allowance: { agents: { claude: { daily_job: 1 } } }')).says).toEqual([
    expect.stringMatching(/daily_job.*is not a known key.*daily_jobs/s),
  ]);
  expect((await load('allowance: { models: { opus: { daily_cost: { amount: 1, currency: usd } } } }')).says).toEqual([
    expect.stringMatching(/currency.*three capital letters/s),
  ]);
  expect((await load('allowance: { agents: { claude: { daily_jobs: -1 } } }')).says).toHaveLength(1);
});
