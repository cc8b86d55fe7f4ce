import { afterEach, beforeEach, expect, it } from 'vitest';
import type { AgentFailure } from '../../../../src/runtime/agents/agent.ts';
import { Dispatcher } from '../../../../src/runtime/dispatcher/dispatcher.ts';
import { DiskFiles } from '../../../../src/runtime/io/files.ts';
import { Load } from '../../../../src/runtime/load.ts';
import { Config } from '../../../../src/runtime/model/config.ts';
import type { Fleet } from '../../../../src/runtime/model/fleet.ts';
import { type ProjectId, TaskId } from '../../../../src/runtime/model/ids.ts';
import { TaskSpec } from '../../../../src/runtime/model/spec.ts';
import { isLive, type Lease, type LiveTask, type OpenTask } from '../../../../src/runtime/model/task.ts';
import { afterFailure } from '../../../../src/runtime/policy/retry.ts';
import { retrySituation } from '../../../../src/runtime/runs/situation.ts';
import { Profiles } from '../../../../src/runtime/sessions/accounts/profiles.ts';
import { MemoryStore } from '../../../fakes/memory-store.ts';
import { settled, VirtualClock } from '../../../fakes/virtual-clock.ts';

/* Two accounts and one session: what a limit does to the tasks that wait for them. */

const HOUR = 3_600_000;
const config = Config.parse({
  agents: {
    claude: {
      profiles: [
        { name: 'work', config_dir: '/home/ada/.claude-work' },
        { name: 'spare', config_dir: '/home/ada/.claude-spare' },
      ],
    },
  },
});

let clock: VirtualClock;
let store: MemoryStore;
let profiles: Profiles;
let dispatcher: Dispatcher;
let project: ProjectId;
/** Which account each attempt began on. */
let began: string[];
let live: { lease: Lease; task: LiveTask; profile: string }[];

beforeEach(async () => {
  clock = new VirtualClock(Date.UTC(2026, 10, 21, 9));
  store = new MemoryStore(clock);
  project = (await store.adoptProject('/shop', 'shop')).id;
  began = [];
  live = [];
  const load = new Load();
  store.subscribe((changes) => load.apply(changes));
  profiles = new Profiles({
    ...{ store, clock, config, files: new DiskFiles({ file: 0o600, dir: 0o700 }), userHome: '/nowhere', say: () => {} },
  });
  const fleet = (): Fleet => {
    const gate = profiles.gate('claude');
    const status = gate ? 'offline' : 'available';
    const seat = { id: 'auto-1', kind: 'session', program: 'claude', capabilities: [], max: 1 } as const;
    const { reason: detail, ...until } = gate ?? { reason: 'ready' };
    return {
      ...{ providers: [], paused: false, models: {} },
      agents: [{ ...seat, status, load: load.agent('auto-1'), detail, ...until }],
      projects: new Map([[project, { paused: false, running: 0, max_running: 0, weight: 1, checkout_busy: false }]]),
    };
  };
  dispatcher = new Dispatcher({
    ...{ store, clock, load, fleet, ageStep: () => HOUR },
    launch: { launch: async ({ lease, task }) => begin(lease, task), delegate: async () => {} },
    report: (problem) => {
      throw problem;
    },
  });
  profiles.onChange(() => dispatcher.wake());
  profiles.start();
  dispatcher.start();
});
afterEach(async () => {
  await dispatcher.stop();
  profiles.stop();
});

async function begin(lease: Lease, task: LiveTask): Promise<void> {
  const chosen = profiles.choose('claude');
  if ('wait' in chosen) throw new Error(`started while ${chosen.reason}`);
  await store.started(lease);
  began.push(`${task.id} on ${chosen.name}`);
  live.push({ lease, task, profile: chosen.name });
}

async function enqueue(...ids: string[]): Promise<void> {
  for (const id of ids) {
    const task = { project, id: TaskId.parse(id), title: id, bytes: Buffer.from(id), source: 'call' } as const;
    await store.enqueue([{ ...task, spec: TaskSpec.parse({ workspace: 'worktree' }), enqueued_by: 'a story' }], {
      by: 'owner',
    });
  }
  await settled();
}

/** The attempt at work fails, as an attempt in a session would end it. */
async function fail(failure: AgentFailure): Promise<void> {
  const attempt = live.shift();
  if (!attempt) throw new Error('nothing is at work');
  const { rests } = await profiles.failed('claude', attempt.profile, failure);
  const situation = retrySituation(attempt.task, { config, clock, chance: { hex: () => '', fraction: () => 0.5 } });
  await store.end(attempt.lease, afterFailure(failure, { ...situation, gated: rests }));
  await settled();
}

async function finish(): Promise<void> {
  const attempt = live.shift();
  if (!attempt) throw new Error('nothing is at work');
  const end = { kind: 'finished', outcome: { state: 'done', result: 'It is done.' } } as const;
  await store.end(attempt.lease, end);
  await settled();
}

const limit = (hours: number): AgentFailure => ({
  ...{ class: 'rate_limit', reason: '5-hour limit', account: 'limit', reset_at: clock.now() + hours * HOUR },
});
const find = (id: string): OpenTask | undefined => [...store.open().values()].find((task) => task.id === id);

it('a limit costs no attempt: the task goes on at once on the next account', async () => {
  await enqueue('build');
  await fail(limit(3));
  expect(began).toEqual(['build on work', 'build on spare']);
  expect(find('build')).toMatchObject({ state: 'running', attempt: 2, spent: 1 });
});

it('when all accounts have met theirs, tasks wait and say until when, then go on by themselves', async () => {
  await enqueue('build', 'ship');
  await fail(limit(3));
  await fail(limit(2));
  const waiting = find('build');
  if (waiting?.state !== 'queued') throw new Error(`build is ${waiting?.state}`);
  expect(dispatcher.waiting(waiting)).toMatchObject({
    ...{ reason: 'no_free_agent', until: clock.now() + 2 * HOUR },
    detail: expect.stringContaining('all its accounts rest (work: 5-hour limit; spare: 5-hour limit)'),
  });
  await clock.advance(2 * HOUR - 1);
  expect(began).toHaveLength(2);
  await clock.advance(1);
  expect(began.slice(2)).toEqual(['build on spare']);
  await finish();
  await clock.advance(HOUR);
  await finish();
  expect(began.slice(2)).toEqual(['build on spare', 'ship on spare']);
  expect([...store.open().values()].filter(isLive)).toEqual([]);
});

it('a login that nobody renews holds the work until a person resumes the account', async () => {
  await enqueue('build');
  await fail({ class: 'auth', reason: 'Please run /login', account: 'login' });
  await fail({ class: 'billing', reason: 'Credit balance too low', account: 'billing' });
  await clock.advance(24 * HOUR);
  expect(began).toEqual(['build on work', 'build on spare']);
  await profiles.resume('claude', 'work', { by: 'owner' });
  await settled();
  expect(began.at(-1)).toBe('build on work');
  expect(find('build')).toMatchObject({ state: 'running', attempt: 3, spent: 1 });
});

it('a service that turns everything away is asked again ever more slowly, and no attempt is spent', async () => {
  await enqueue('build');
  const busy: AgentFailure = { class: 'rate_limit', reason: 'Request rejected (429)' };
  for (let n = 0; n < 6; n++) {
    await fail(busy);
    await clock.advance(live.length > 0 ? 0 : 30_000 * 2 ** Math.floor(n / 2));
  }
  expect(began.map((one) => one.split(' ').at(-1))).toEqual([
    'work',
    'spare',
    'work',
    'spare',
    'work',
    'spare',
    'work',
  ]);
  expect(find('build')).toMatchObject({ spent: 1, attempt: 7 });
});
