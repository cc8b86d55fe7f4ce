import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ConfigFollower } from '../../../src/runtime/config/follow.ts';
import { openSettings, type Settings } from '../../../src/runtime/config/settings.ts';
import type { Project } from '../../../src/runtime/model/event.ts';
import type { ProjectId } from '../../../src/runtime/model/ids.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

let dir: string;
let clock: VirtualClock;
let settings: Settings;
let follower: ConfigFollower;
let hint: (name: string | null) => void;
let recorded: string[];
let told: string[];

const shop = (): Project => ({
  id: 'p_000000000001' as ProjectId,
  path: join(dir, 'shop'),
  name: 'shop',
  adopted_at: 0,
});
const user = (text: string): void => writeFileSync(join(dir, 'yardmaster.yaml'), text);
const own = (text: string): void => writeFileSync(join(dir, 'shop', 'yardmaster.yaml'), text);

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ym-config-'));
  mkdirSync(join(dir, 'shop'));
  clock = new VirtualClock();
  recorded = [];
  told = [];
});
afterEach(async () => {
  await follower?.stop();
  rmSync(dir, { recursive: true, force: true });
});

async function begin(env: Record<string, string> = {}): Promise<void> {
  const read = async (path: string): Promise<string | undefined> => {
    try {
      return readFileSync(path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  };
  settings = await openSettings({
    read,
    env: { YARDMASTER_CONFIG: join(dir, 'yardmaster.yaml'), ...env },
    userHome: dir,
  });
  settings.onChange((keys) => told.push(...keys));
  follower = new ConfigFollower({
    clock,
    settings,
    watcher: {
      watch: (_, changed) => {
        hint = changed;
        return { close() {} };
      },
    },
    readUser: read,
    readProject: read,
    projects: () => [shop()],
    record: async (code, message) => void recorded.push(`${code} ${message}`),
    say: () => {},
  });
  await follower.open(shop());
  follower.start();
}

test('a change is noticed, takes effect, and its keys alone are journalled', async () => {
  user('retry: { max_attempts: 2 }\nagents: { a: { command: [x], env: { TOKEN: old } } }');
  await begin();
  const live = settings.live; // what services hold
  user('retry: { max_attempts: 7 }\nagents: { a: { command: [x], env: { TOKEN: secret } } }');
  hint('yardmaster.yaml');
  await clock.advance(1_000);
  expect(live.retry.max_attempts).toBe(7);
  expect(told).toEqual(['agents.a.env.TOKEN', 'retry.max_attempts']);
  expect(recorded).toEqual(['config_changed changed: agents.a.env.TOKEN, retry.max_attempts']);
  expect(recorded.join()).not.toContain('secret');
});

test('without any hint it is noticed within seconds, through a link too', async () => {
  writeFileSync(join(dir, 'dotfile'), 'retry: { max_attempts: 2 }');
  symlinkSync('dotfile', join(dir, 'yardmaster.yaml'));
  await begin();
  writeFileSync(join(dir, 'dotfile'), 'retry: { max_attempts: 4 }');
  await clock.advance(6_000);
  expect(settings.current().retry.max_attempts).toBe(4);
});

test.each([
  ['broken YAML', 'retry: { max_attempts: ['],
  ['a wrong value', 'retry: { max_attempts: 99 }'],
  ['an unknown key', 'retri: {}'],
])('%s changes nothing, is told once, and is over when it is mended', async (_, text) => {
  user('retry: { max_attempts: 2 }');
  await begin();
  user(text);
  await clock.advance(60_000);
  expect(settings.current().retry.max_attempts).toBe(2);
  expect(settings.problems()).toHaveLength(1);
  expect(recorded).toEqual([expect.stringMatching(/^config_wrong .*yardmaster.yaml is wrong; the last good one/)]);
  user('retry: { max_attempts: 2 }');
  await clock.advance(6_000);
  expect(settings.problems()).toEqual([]);
  user('retry: { max_attempts: 3 }');
  await clock.advance(6_000);
  expect(settings.current().retry.max_attempts).toBe(3);
});

test('a file that goes away leaves what was read from it in force', async () => {
  user('retry: { max_attempts: 2 }');
  await begin();
  rmSync(join(dir, 'yardmaster.yaml'));
  await clock.advance(6_000);
  expect(settings.current().retry.max_attempts).toBe(2);
  expect(settings.problems()[0]?.message).toContain('is not there any more');
});

test('an editor that writes in two steps is waited for', async () => {
  user('retry: { max_attempts: 2 }');
  await begin();
  user(''); // truncated: valid, and every agent would be gone
  hint('yardmaster.yaml');
  await clock.advance(300);
  user('retry: { max_attempts: 5 }');
  await clock.advance(300);
  expect(told).toEqual([]);
  await clock.advance(300);
  expect(told).toEqual(['retry.max_attempts']);
});

test('what is asked for is taken at once, and says what waits for a restart', async () => {
  user('journal: { segment_bytes: 4096 }');
  await begin();
  user('journal: { segment_bytes: 8192 }\nretry: { backoff: 1s }');
  expect(await follower.reload()).toEqual({
    changed: ['retry.backoff', 'journal.segment_bytes'],
    restart: ['journal.segment_bytes'],
    problems: [],
  });
  user('journal: { segment_bytes: 4096 }');
  expect(await follower.reload()).toMatchObject({ restart: [] });
  user('journal: { segment_bytes: no }');
  const { changed, problems } = await follower.reload();
  expect([changed, problems]).toEqual([[], [expect.stringContaining('journal.segment_bytes: "no" is not usable')]]);
});

test("a project's file stands over the user's, for that project, and under the environment", async () => {
  user('retry: { max_attempts: 2, backoff: 1s }');
  own('retry: { max_attempts: 5, backoff: 9s }\nmodels: { high: opus }\nmax_running: 1');
  await begin({ YARDMASTER_RETRY_BACKOFF: '3s' });
  expect(settings.of(shop().id)).toMatchObject({
    retry: { max_attempts: 5, backoff: 3_000 },
    models: { high: 'opus', default: 'sonnet' },
  });
  expect(settings.ownOf(shop().id)).toMatchObject({ max_running: 1 });
  expect(settings.current().retry.max_attempts).toBe(2);
  own('retry: { max_attempts: 6 }');
  await clock.advance(6_000);
  expect(settings.of(shop().id).retry.max_attempts).toBe(6);
  expect(recorded[0]).toContain('shop: retry.max_attempts');
  rmSync(join(dir, 'shop', 'yardmaster.yaml'));
  await clock.advance(6_000);
  expect(settings.of(shop().id).retry.max_attempts).toBe(2);
});

test.each([
  ['agents', 'agents: { a: { command: [sh, -c, evil] } }'],
  ['allowed_roots', 'allowed_roots: [/]'],
  ['checks', 'checks: { test: [evil] }'],
  ['delegation', 'delegation: { providers: { x: { kind: jobs, base_url: "https://evil.example" } } }'],
  ['dispatcher', 'dispatcher: { default_agent: a }'],
  ['limits', 'limits: { children: true }'],
  ['headless.max_running', 'headless: { max_running: 99 }'],
  ['projects', 'projects: []'],
])('a project may not set %s', async (key, text) => {
  user('retry: { max_attempts: 2 }');
  own(text);
  await begin();
  expect(settings.of(shop().id)).toEqual(settings.current());
  expect(settings.problems()).toEqual([
    expect.objectContaining({ key, message: expect.stringContaining('a project may not set it'), line: 1 }),
  ]);
});

test("a wrong project file keeps that project's last good one", async () => {
  user('{}');
  own('retry: { max_attempts: 5 }');
  await begin();
  own('retry: { max_attempts: 500 }');
  await clock.advance(6_000);
  expect(settings.of(shop().id).retry.max_attempts).toBe(5);
  expect(settings.problems()).toHaveLength(1);
  renameSync(join(dir, 'shop', 'yardmaster.yaml'), join(dir, 'shop', 'other.yaml'));
  await clock.advance(6_000);
  expect(settings.problems()).toEqual([]);
});

test('nothing ticks after the stop', async () => {
  user('{}');
  await begin();
  await follower.stop();
  expect(clock.pending).toBe(0);
});

test('how classes of failures are tried again follows the file; what can not be is refused with what can', async () => {
  user('retry: { classes: { crash: { attempts: 2 } } }');
  await begin();
  const live = settings.live;
  user('retry: { classes: { crash: { attempts: 5, backoff: 10s }, auth: { give_up: 2h } } }');
  await clock.advance(6_000);
  expect(live.retry.classes).toEqual({ crash: { attempts: 5, backoff: 10_000 }, auth: { give_up: 7_200_000 } });
  const told: [string, string][] = [
    ['crash: { attempts: 0 }', 'retry.classes.crash.attempts'],
    ['crash: { give_up: 2h }', 'give_up'],
    ['invalid: { attempts: 2 }', 'invalid'],
    ['auth: { pause: 1ms }', 'retry.classes.auth.pause'],
  ];
  for (const [wrong, names] of told) {
    user(`retry: { classes: { ${wrong} } }`);
    await clock.advance(6_000);
    expect(JSON.stringify(settings.problems())).toContain(names);
    expect(live.retry.classes.crash).toEqual({ attempts: 5, backoff: 10_000 });
  }
});
