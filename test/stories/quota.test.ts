import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../support/world.ts';
import { type Client, type Ended, shell, World } from './world.ts';

const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
/** What shells of agents have in their environment: without it a person types. */
const PERSON = { CLAUDECODE: '', CLAUDE_CODE_SESSION_ID: '', GEMINI_CLI: '', CODEX_THREAD_ID: '', CODEX_SANDBOX: '' };

const world = new World({
  agents: {
    echo: { command: shell('cat "$1"'), max: 4 },
    loose: { command: shell('cat "$1"'), max: 4 },
    slow: { command: shell('sleep 600'), max: 2 },
    greedy: {
      command: shell(`node '${main}' quota set agent greedy daily_jobs 99 --reason more 2>&1; true`),
      pass_env: ['YARDMASTER_HOME', 'YARDMASTER_CONFIG'],
    },
  },
  headless: { max_running: 8 },
  retry: { max_attempts: 1 },
  allowance: { agents: { echo: { daily_jobs: 1 } } },
});
let client: Client;
let project: string;

beforeAll(async () => {
  client = await world.connect();
  project = world.project('shop');
});
afterAll(() => world.end());

interface Row {
  readonly what: string;
  readonly limit?: number;
  readonly changed?: { readonly by: string; readonly reason: string; readonly until?: string };
}

const quota = (...args: string[]): Promise<Ended> => world.cli(['quota', ...args], { env: PERSON });

async function rowOf(name: string, what: string): Promise<Row | undefined> {
  const { stdout } = await quota('--json');
  const { allowance } = JSON.parse(stdout) as { allowance: { name: string; limits: Row[] }[] };
  return allowance.find((one) => one.name === name)?.limits.find((limit) => limit.what === what);
}

async function begin(id: string, agent: string): Promise<void> {
  await client.enqueue(project, 'Say this.', { id, agent });
}

const told = (type: string) => world.events<{ type: string; name: string; limit: number; used: number }>(type);

test('a limit that is spent is seen, raised with a reason, and what waited for it runs at once', async () => {
  await begin('first', 'echo');
  await client.ended(project, 'first');
  await begin('second', 'echo');
  expect(await client.one(project, 'second')).toMatchObject({ waiting: { reason: 'allowance' } });

  const { stdout } = await quota();
  expect(stdout).toMatch(/agent +echo +daily_jobs +1 +1 +0 +in \d+\w +exceeded +configured/);

  const raised = await quota('set', 'agent', 'echo', 'daily_jobs', '2', '--reason', 'release today');
  expect(raised).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^daily_jobs of agent echo: 2, . used \(changed\)\n$/),
  });
  expect(await client.ended(project, 'second')).toMatchObject({ state: 'done', attempts: 1 });
});

test('who changed it and why outlives a kill, and nothing is told twice', async () => {
  await until(async () => (await told('quota_exceeded')).length === 2); // of one, then of two
  await world.endRuntime('SIGKILL');
  await begin('third', 'echo');
  expect(await client.one(project, 'third')).toMatchObject({
    waiting: {
      reason: 'allowance',
      detail: expect.stringContaining('used 2 of 2 jobs today (allowance.agents.echo.daily_jobs, changed at run time)'),
    },
  });
  expect(await rowOf('echo', 'daily_jobs')).toMatchObject({
    limit: 2,
    changed: { by: 'owner', reason: 'release today' },
  });
  const { stdout } = await world.cli(['audit', '--type', 'limit_changed']);
  expect(stdout).toMatch(/owner +limit changed {2}agent echo: daily_jobs {2}now 2 {2}release today/);
  const { needs } = await client.ask<{ needs: { what: string; next: string }[] }>('fleet_status');
  expect(needs.find(({ what }) => what.startsWith('daily_jobs of agent echo is 2 in place of 1'))?.next).toContain(
    'yardmaster quota restore agent echo daily_jobs',
  );
  expect((await told('quota_exceeded')).map(({ name, limit }) => [name, limit])).toEqual([
    ['echo', 1],
    ['echo', 2],
  ]);
});

test('it is lowered too, and the configuration counts again when it is restored', async () => {
  await quota('set', 'agent', 'echo', 'daily_jobs', '5', '--reason', 'more');
  expect(await client.ended(project, 'third')).toMatchObject({ state: 'done' });
  await quota('set', 'agent', 'echo', 'daily_jobs', '2', '--reason', 'enough');
  await begin('fourth', 'echo');
  expect(await client.one(project, 'fourth')).toMatchObject({ waiting: { detail: expect.stringContaining('3 of 2') } });
  await until(async () => (await told('quota_exceeded')).some(({ used, limit }) => used === 3 && limit === 2));

  expect(await quota('restore', 'agent', 'echo', 'daily_jobs', '--reason', 'over')).toMatchObject({
    stdout: expect.stringContaining('1, 3 used (as configured)'),
  });
  expect(await client.one(project, 'fourth')).toMatchObject({ waiting: { detail: expect.stringContaining('3 of 1') } });
  expect(await quota('restore', 'agent', 'echo', 'daily_jobs', '--reason', 'over')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('as the configuration says'),
  });
  await quota('set', 'agent', 'echo', 'daily_jobs', '0', '--reason', 'no limit at all');
  expect(await client.ended(project, 'fourth')).toMatchObject({ state: 'done' });
  expect((await quota()).stdout).toMatch(/echo +daily_jobs +4 .*no limit, changed by a person .*: no limit at all/);
});

test('a change for a while ends by itself', async () => {
  await quota('set', 'agent', 'loose', 'daily_jobs', '1', '--reason', 'slowly', '--for', '5s');
  await begin('one', 'loose');
  await client.ended(project, 'one');
  await begin('two', 'loose');
  expect(await client.one(project, 'two')).toMatchObject({ state: 'queued', waiting: { reason: 'allowance' } });
  expect((await rowOf('loose', 'daily_jobs'))?.changed?.until).toBeDefined();
  expect(await client.ended(project, 'two')).toMatchObject({ state: 'done' });
  expect(await rowOf('loose', 'daily_jobs')).not.toHaveProperty('changed');
});

test('what runs longer than it may now is ended; of an agent that has no allowance configured', async () => {
  await begin('long', 'slow');
  await client.state(project, 'long', 'running');
  await quota('set', 'agent', 'slow', 'max_job_duration', '1s', '--reason', 'it hangs');
  expect(await client.ended(project, 'long')).toMatchObject({ state: 'failed', error_class: 'timeout' });
  expect(await rowOf('slow', 'max_job_duration')).toMatchObject({ limit: 1, unit: 'seconds' });
});

test('what is not understood changes nothing and says what is known', async () => {
  const refused: [args: string[], says: string][] = [
    [['agent', 'ecko', 'daily_jobs', '1'], 'known: claude, codex, gemini, echo'],
    [['project', 'nowhere', 'daily_jobs', '1'], 'known: shop'],
    [['team', 'echo', 'daily_jobs', '1'], 'agent (also a provider or a session), model, project'],
    [
      ['agent', 'echo', 'hourly_requests', '1'],
      'daily_jobs, daily_tokens, concurrent_jobs, max_job_duration, daily_cost',
    ],
    [['agent', 'echo', 'daily_jobs', 'NaN'], 'a whole number'],
    [['agent', 'echo', 'daily_jobs', '1.5'], 'a whole number'],
    [['agent', 'echo', 'daily_jobs', '-5'], 'a whole number'],
    [['agent', 'echo', 'max_job_duration', '5 minutes'], 'a duration such as'],
    [['agent', 'echo', 'daily_cost', '5'], '--currency USD'],
    [['agent', 'echo', 'daily_cost', '5', '--currency', 'usd'], 'did you mean USD'],
    [['agent', 'echo', 'daily_jobs', '5', '--currency', 'USD'], 'no currency'],
  ];
  const before = (await told('limit_changed')).length;
  for (const [args, says] of refused) {
    const { code, stderr } = await quota('set', ...args, '--reason', 'x');
    expect([code, stderr]).toEqual([1, expect.stringContaining(says)]);
  }
  expect(await quota('set', 'agent', 'echo', 'daily_jobs', '5')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('reason'),
  });
  const model = await quota('set', 'model', 'opsu', 'hourly_requests', '9', '--reason', 'x');
  expect(model).toMatchObject({ code: 0, stderr: expect.stringContaining('check its spelling') });
  expect((await told('limit_changed')).length).toBe(before + 1);
});

test('nobody who spends may change what may be spent', async () => {
  const agent = await world.cli(['quota', 'set', 'agent', 'echo', 'daily_jobs', '9', '--reason', 'x'], {
    env: { ...PERSON, CLAUDECODE: '1' },
  });
  expect(agent).toMatchObject({ code: 1, stderr: expect.stringContaining('was started by an agent') });
  await begin('raise', 'greedy');
  const { result } = await client.ended(project, 'raise');
  expect(result?.text).toContain('Only a person may do this');
  expect((await client.tools()).filter((name) => /quota|limit/.test(name))).toEqual([]);
});
