import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ChatService } from '../../fakes/chat-service.ts';
import { JobService } from '../../fakes/job-service.ts';
import { until } from '../../support/world.ts';
import { SessionWorld } from '../sessions/world.ts';
import { type Client, shell } from '../world.ts';

/* How long an attempt may take, wherever it runs: one within its time ends by itself, the next is ended, also by the next runtime. */

const world = new SessionWorld();
let jobs: JobService;
let chat: ChatService;
let client: Client;

const LIMIT = { max_job_duration: '4s' };

beforeAll(async () => {
  jobs = await JobService.start();
  chat = await ChatService.start({ hold: true });
  jobs.command({ plan: ['For ever.', Array.from({ length: 10_000 }, () => 'processing' as const)] });
  world.sessions({
    headless: { max_running: 0 },
    retry: { max_attempts: 1 },
    pool: { autonomous: { prefix: 'auto-', min: 1, max: 1 } },
    agents: { sleeper: { command: shell('grep -q ever "$1" && sleep 600; echo ended'), max: 0 } },
    delegation: {
      interval: '200ms',
      providers: {
        far: { kind: 'jobs', base_url: jobs.url, idempotent_submit: true },
        near: { kind: 'openai-chat', base_url: chat.url, model: 'small', timeout: '60s' },
      },
    },
    allowance: { agents: { sleeper: LIMIT, claude: LIMIT, far: LIMIT, near: LIMIT } },
  } as never);
  client = await world.connect();
});
afterAll(async () => {
  await world.end();
  await jobs.close();
  await chat.close();
});

interface Kind {
  readonly name: string;
  readonly more: Record<string, unknown>;
  readonly long: string;
  readonly short?: string;
  /** Whether it goes on when the runtime dies. */
  readonly outlives?: false;
}

const kinds: Kind[] = [
  { name: 'command', more: { agent: 'sleeper' }, long: 'For ever.', short: 'Shortly.' },
  {
    name: 'headless',
    more: { agent: 'claude', mode: 'headless' },
    long: '[[say:x]][[sleep:600000]]',
    short: '[[say:x]]',
  },
  {
    name: 'session',
    more: { agent: 'claude', mode: 'session' },
    long: '[[say:x]][[sleep:600000]]',
    short: '[[say:x]]',
  },
  { name: 'jobs', more: { preferred_ai: 'far' }, long: 'For ever.', short: 'Shortly.' },
  { name: 'chat', more: { preferred_ai: 'near' }, long: 'For ever.', outlives: false }, // nobody finishes it
];

test.each(kinds)('max_job_duration of a $name', async ({ name, more, long, short, outlives = true }) => {
  const project = world.project(name);
  if (short !== undefined) {
    await client.enqueue(project, short, { id: 'short', ...more });
    expect(await client.ended(project, 'short')).toMatchObject({ state: 'done' });
  }
  await client.enqueue(project, long, { id: 'long', ttl_seconds: 3_600, ...more });
  await client.state(project, 'long', 'running');
  if (outlives) await world.endRuntime('SIGKILL');
  const ended = await client.ended(project, 'long');
  if (!outlives) await world.endRuntime('SIGKILL');
  expect(ended.reason).toMatch(/longer than (its time limit of )?4 ?s/);
  expect(await client.one(project, 'long')).toMatchObject({ state: 'failed', error_class: 'timeout', attempts: 1 });
  await until(() => world.processes().every(({ command }) => !command.includes('sleep 600')));
});

test('ttl of an agent, below what it may take at most', async () => {
  const project = world.project('own');
  const agents = { sleeper: { command: shell('sleep 600'), ttl: '1s', max: 0 } };
  world.sessions({ retry: { max_attempts: 1 }, agents, allowance: { agents: { sleeper: LIMIT } } } as never);
  await world.cli(['config', 'reload']);
  const { id } = await client.enqueue(project, 'For ever.', { agent: 'sleeper' });
  const ended = await client.ended(project, id);
  expect(ended).toMatchObject({ state: 'failed', error_class: 'timeout' });
  expect(ended.reason).toContain('longer than 1 s');
  expect(world.read(join(world.queue(project, 'failed'), `${id}.md`))).toContain('timeout');
});
