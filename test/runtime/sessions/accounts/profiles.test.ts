import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentFailure } from '../../../../src/runtime/agents/agent.ts';
import { DiskFiles } from '../../../../src/runtime/io/files.ts';
import { Config } from '../../../../src/runtime/model/config.ts';
import type { Cause } from '../../../../src/runtime/model/task.ts';
import { Profiles } from '../../../../src/runtime/sessions/accounts/profiles.ts';
import { MemoryStore } from '../../../fakes/memory-store.ts';
import { VirtualClock } from '../../../fakes/virtual-clock.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const OWNER: Cause = { by: 'owner' };
const LOGIN: AgentFailure = { class: 'auth', reason: 'Please run /login', account: 'login' };

let home: string;
let clock: VirtualClock;
let store: MemoryStore;
let profiles: Profiles;
let woken: number;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'yardmaster-profiles-'));
  clock = new VirtualClock(Date.UTC(2026, 10, 21, 9));
  store = new MemoryStore(clock);
  profiles = open(['work', 'spare']);
});
afterEach(async () => {
  profiles.stop();
  await rm(home, { recursive: true, force: true });
});

function open(names: string[], more: object = {}): Profiles {
  const claude = { profiles: names.map((name) => ({ name, config_dir: join(home, name) })) };
  const opened = new Profiles({
    ...{ store, clock, files: new DiskFiles({ file: 0o600, dir: 0o700 }), userHome: home, say: () => {} },
    config: Config.parse({ agents: { claude }, ...more }),
  });
  woken = 0;
  opened.onChange(() => woken++);
  opened.start();
  return opened;
}

const limit = (more: Partial<AgentFailure> = {}): AgentFailure => ({
  ...{ class: 'rate_limit', reason: "You've hit your 5-hour limit", account: 'limit' },
  ...more,
});
const chosen = (prefer?: string) => {
  const next = profiles.choose('claude', prefer === undefined ? {} : { prefer });
  return 'name' in next ? next.name : next;
};
const told = () => store.recorded.map((event) => `${event.type} ${'profile' in event ? event.profile : ''}`);
const states = () => profiles.views().map(({ name, state }) => `${name} ${state}`);

describe('a limit', () => {
  it('moves the work to the next account and back at its reset', async () => {
    const reset_at = clock.now() + 3 * HOUR;
    expect(chosen()).toBe('work');
    const { rests, next } = await profiles.failed('claude', 'work', limit({ reset_at }));
    expect([rests, next]).toEqual([true, { name: 'spare', config_dir: join(home, 'spare') }]);
    expect(profiles.views()).toMatchObject([
      { name: 'work', state: 'paused', until: reset_at, reason: "You've hit your 5-hour limit" },
      { name: 'spare', state: 'in_use' },
    ]);
    expect(profiles.gate('claude')).toBeUndefined();
    await clock.advance(3 * HOUR);
    expect([chosen(), chosen('spare')]).toEqual(['work', 'spare']);
    expect(states()).toEqual(['work in_use', 'spare ready']);
  });

  it('of every account closes the gate until the earliest reset, and who waits is woken then', async () => {
    const first = clock.now() + 2 * HOUR;
    await profiles.failed('claude', 'work', limit({ reset_at: first + HOUR }));
    await profiles.failed('claude', 'spare', limit({ reset_at: first }));
    expect(profiles.gate('claude')).toEqual({
      until: first,
      reason: "all its accounts rest (work: You've hit your 5-hour limit; spare: You've hit your 5-hour limit)",
    });
    expect(woken).toBe(2);
    await clock.advance(2 * HOUR - 1);
    expect(woken).toBe(2);
    await clock.advance(1);
    expect([woken, chosen()]).toEqual([3, 'spare']);
    await clock.advance(HOUR);
    expect([woken, clock.pending]).toEqual([4, 0]);
  });

  it('that three sessions meet at once is one pause', async () => {
    const failure = limit({ reset_at: clock.now() + HOUR });
    const all = await Promise.all([1, 2, 3].map(() => profiles.failed('claude', 'work', failure)));
    expect(all.every(({ rests }) => rests)).toBe(true);
    expect(told()).toEqual(['profile_paused work']);
  });

  it('without a known end is tried again after growing rests, which a restart does not forget', async () => {
    for (const minutes of [5, 10, 20]) {
      await profiles.failed('claude', 'work', limit());
      expect(profiles.views()[0]?.until).toBe(clock.now() + minutes * MINUTE);
      profiles.stop();
      profiles = open(['work', 'spare']);
      await clock.advance(minutes * MINUTE);
      expect(chosen()).toBe('work');
    }
    expect(profiles.views()[0]).toMatchObject({ state: 'in_use' });
  });

  it('that cannot be journalled leaves the attempt to a time of its own', async () => {
    store.record = async () => {
      throw new Error('disk full');
    };
    const { rests } = await profiles.failed('claude', 'work', limit());
    expect([rests, chosen()]).toEqual([false, 'work']);
  });
});

it('a failure that no account is the reason of pauses nothing', async () => {
  const { rests } = await profiles.failed('claude', 'work', { class: 'crash', reason: 'it died' });
  expect([rests, told()]).toEqual([false, []]);
  expect((await profiles.failed('claude', 'gone', limit())).rests).toBe(false);
});

it('text of an agent reaches nobody raw', async () => {
  await profiles.failed('claude', 'work', limit({ reason: `limit\u001b]0;own\u0007\n${'x'.repeat(999)}` }));
  const { reason } = profiles.views()[0] ?? {};
  expect(reason).toMatch(/^limit x{290,294} \(its end/);
});

it('an agent without profiles has one account, its own', async () => {
  profiles.stop();
  profiles = open([], { pool: { dedicated: [{ name: 'shop-main', project: '/shop', agent: 'claude' }] } });
  expect(profiles.choose('claude')).toEqual({ name: 'default' });
  expect(profiles.views()).toEqual([{ agent: 'claude', name: 'default', state: 'in_use' }]);
  const { next } = await profiles.failed('claude', 'default', LOGIN);
  expect(next).toEqual({ wait: true, reason: 'its account rests (default: Please run /login)' });
  expect(profiles.gate('codex')).toBeUndefined();
});

describe('a refused login', () => {
  const loggedInAt = async (ms: number) => {
    const file = join(home, 'work', '.credentials.json');
    await new DiskFiles({ file: 0o600, dir: 0o700 }).makeDir(join(home, 'work'));
    await writeFile(file, '{}');
    await utimes(file, ms / 1_000, ms / 1_000);
  };

  it('waits for a person', async () => {
    await profiles.failed('claude', 'work', LOGIN);
    await clock.advance(24 * HOUR);
    expect(states()).toEqual(['work paused', 'spare in_use']);
    expect(await profiles.resume('claude', 'work', OWNER)).toMatchObject({ name: 'work', state: 'in_use' });
  });

  it('is tried again when its file was written since', async () => {
    await loggedInAt(clock.now() - MINUTE);
    await profiles.failed('claude', 'work', LOGIN);
    await profiles.look();
    expect(chosen()).toBe('spare');
    await loggedInAt(clock.now() + 3_000);
    await profiles.look();
    expect(chosen()).toBe('work');
    expect(told()).toEqual(['profile_paused work', 'profile_resumed work']);
  });

  it('and refused again soon is a person’s: an agent that writes that file is no loop', async () => {
    for (const expected of ['work', 'spare']) {
      await profiles.failed('claude', 'work', LOGIN);
      await loggedInAt(clock.now() + 3_000);
      await profiles.look();
      expect(chosen()).toBe(expected);
    }
  });
});

describe('a person', () => {
  it('pauses an account for a time or until told otherwise, and no limit ends that', async () => {
    const until = clock.now() + HOUR;
    expect(await profiles.pause('claude', 'spare', { until, reason: 'lunch' }, OWNER)).toMatchObject({ until });
    await profiles.pause('claude', 'work', { reason: '' }, OWNER);
    await profiles.failed('claude', 'work', limit({ reset_at: clock.now() + MINUTE }));
    await clock.advance(HOUR);
    expect(profiles.views()).toEqual([
      { agent: 'claude', name: 'work', config_dir: join(home, 'work'), state: 'paused', reason: 'paused' },
      { agent: 'claude', name: 'spare', config_dir: join(home, 'spare'), state: 'in_use' },
    ]);
  });

  it('says which one is used first; while that rests, another is', async () => {
    expect(await profiles.use('claude', 'spare', OWNER)).toMatchObject({ name: 'spare', state: 'in_use' });
    await profiles.use('claude', 'spare', OWNER);
    expect(told()).toEqual(['profile_chosen spare']);
    await profiles.failed('claude', 'spare', limit({ reset_at: clock.now() + HOUR }));
    expect(chosen()).toBe('work');
    await clock.advance(HOUR);
    expect(chosen()).toBe('spare');
  });

  it('may resume what does not rest', async () => {
    expect(await profiles.resume('claude', 'work', OWNER)).toMatchObject({ state: 'in_use' });
    expect(told()).toEqual([]);
  });

  it.each([
    ['claude', 'wrok', 'claude has no profile wrok (there: work, spare)'],
    ['codex', 'default', 'no agent codex with accounts is configured (there: claude)'],
    ['worker', 'default', 'no agent worker with accounts is configured (there: claude)'],
  ])('who names %s %s is told what there is', async (agent, name, message) => {
    expect(await profiles.use(agent, name, OWNER)).toMatchObject({ refused: true, code: 'not_found', message });
  });

  it('can’t pause until yesterday', async () => {
    const refused = await profiles.pause('claude', 'work', { until: clock.now() - 1, reason: '' }, OWNER);
    expect(refused).toMatchObject({ refused: true, code: 'invalid' });
  });
});

it('what was known before is known after the next start, with its timer', async () => {
  await profiles.failed('claude', 'work', limit({ reset_at: clock.now() + HOUR }));
  profiles.stop();
  expect(clock.pending).toBe(0);
  profiles = open(['work', 'spare']);
  expect(chosen()).toBe('spare');
  await clock.advance(HOUR);
  expect([chosen(), woken]).toEqual(['work', 1]);
});
