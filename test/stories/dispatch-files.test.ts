import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { Report } from '../../src/runtime/reports/report.ts';
import { until } from '../support/world.ts';
import { type Settings, shell, World } from './world.ts';

let world: World | undefined;

function build(settings: Settings): World {
  world = new World(settings);
  mkdirSync(join(world.home, 'dispatch'), { recursive: true });
  return world;
}

afterEach(async () => {
  await world?.end();
  world = undefined;
}, 60_000);

function listed(...path: string[]): string[] {
  try {
    return readdirSync(join(...path)).filter((name) => name.endsWith('.json'));
  } catch {
    return [];
  }
}

/** What the agent does, and what is to be reported of it. */
const KINDS = {
  good: { status: 'completed', error_type: null, retry_count: 0, error: null },
  flaky: { status: 'completed', error_type: null, retry_count: 1, error: null },
  broken: { status: 'failed', error_type: 'tool_failure', retry_count: 1, error: expect.stringMatching(/exit code 3/) },
  gone: { status: 'failed', error_type: 'tool_failure', retry_count: 0, error: expect.stringMatching(/127/) },
  slow: { status: 'failed', error_type: 'timeout', retry_count: 1, error: expect.any(String) },
} as const;
type Kind = keyof typeof KINDS;

function kindOf(n: number): Kind {
  if (n % 20 === 7) return 'slow';
  if (n % 20 === 14) return 'gone';
  return n % 5 === 1 ? 'flaky' : n % 5 === 3 ? 'broken' : 'good';
}

/** Says when it begins and ends, and does what its task names. */
const script = (log: string) => `
echo "+ $GSTACK_DISPATCH_ID $YARDMASTER_ATTEMPT" >> ${log}
kind=$(grep -o 'kind=[a-z]*' "$1" | head -n 1)
[ "$kind" = kind=slow ] && exec sleep 600
echo "- $GSTACK_DISPATCH_ID $YARDMASTER_ATTEMPT" >> ${log}
mkdir ${log}-$GSTACK_DISPATCH_ID 2> /dev/null && first=1
case "$kind $first" in
  kind=broken*|"kind=flaky 1") echo "half of it"; exit 3 ;;
  kind=gone*) exit 127 ;;
esac
echo "done: $kind"`;

test('200 files at once, an agent that fails by script, three kills in between: every report once, and right', async () => {
  const here = build({});
  const log = join(here.root, 'runs');
  const project = here.project('shop');
  here.configure({
    agents: {
      bot: { command: shell(script(log)), max: 0 },
      sleeper: { command: shell(script(log)), max: 0, ttl: '1s' },
    },
    projects: [{ name: 'shop', path: project, shared_checkout: true }],
    headless: { max_running: 4, grace: '300ms' },
    dispatcher: { settle: '300ms', scan: '5s' },
    retry: { backoff: '100ms', max_attempts: 2 },
  });
  const dispatch = join(here.home, 'dispatch');
  const client = await here.connect();
  const ids = Array.from({ length: 200 }, (_, n) => `dispatch-${String((n * 77) % 200).padStart(3, '0')}`);
  const kinds = new Map(ids.map((id, n) => [id, kindOf(n)] as const));
  const times = new Map<string, number>();
  for (const id of ids) {
    const kind = kinds.get(id);
    const file = { id, dispatched_by: 'a story', task: `Do it: kind=${kind}`, project: 'shop', project_dir: project };
    const more = { target_agent: kind === 'slow' ? 'sleeper' : 'bot', clawvisor_task_id: `cv-${id}` };
    writeFileSync(join(dispatch, `${id}.json`), JSON.stringify({ ...file, ...more }));
    times.set(id, statSync(join(dispatch, `${id}.json`)).mtimeMs);
  }
  const inOrder = [...ids].sort((a, b) => (times.get(a) ?? 0) - (times.get(b) ?? 0) || (a < b ? -1 : 1));

  const reported = () => listed(dispatch, 'completed').length;
  for (const reports of [0, 60, 130]) {
    await until(() => reported() >= reports && listed(dispatch, 'accepted').length > 0, 120_000);
    await here.endRuntime('SIGKILL');
    await client.ask('fleet_status'); // the bridge starts the next one
  }
  await until(() => reported() === 200, 120_000);

  const reports = ids.map(
    (id) => JSON.parse(readFileSync(join(dispatch, 'completed', `${id}.json`), 'utf8')) as Report,
  );
  for (const report of reports) {
    const kind = kinds.get(report.dispatch_id) ?? expect.fail(report.dispatch_id);
    expect(report, kind).toMatchObject(KINDS[kind]);
    expect(report).toMatchObject({ project: 'shop', clawvisor_task_id: `cv-${report.dispatch_id}` });
    const said = { good: 'done: kind=good\n', flaky: 'done: kind=flaky\n', broken: 'half of it', gone: '', slow: '' };
    expect(report.output_length, kind).toBe(said[kind].length);
  }
  expect(listed(dispatch)).toEqual([]);
  expect(listed(dispatch, 'accepted').sort()).toEqual([...ids].sort().map((id) => `${id}.json`));
  expect(listed(dispatch, 'rejected')).toEqual([]);

  const queued = await here.events<{ type: string; task: { id: string } }>('task_queued');
  expect(queued.map(({ task }) => task.id)).toEqual(inOrder);
  const claimed = await here.events<{ type: string; id: string; attempt: number }>('task_claimed');
  // Four are claimed at a time, each as fast as its file is read.
  const places = claimed.filter(({ attempt }) => attempt === 1).map(({ id }, place) => place - inOrder.indexOf(id));
  expect(Math.max(...places.map(Math.abs))).toBeLessThan(4);
  const ended = await here.events<{ type: string; id: string }>('task_finished');
  expect(ended.map(({ id }) => id).sort()).toEqual([...ids].sort());
  const delivered = await here.events<{ type: string; id: string; ok: boolean }>('delivered');
  expect(
    delivered
      .filter(({ ok }) => ok)
      .map(({ id }) => id)
      .sort(),
  ).toEqual([...ids].sort());

  const lines = readFileSync(log, 'utf8').split('\n').filter(Boolean);
  const begun = lines.filter((line) => line.startsWith('+'));
  expect(new Set(begun).size).toBe(begun.length); // no attempt ran twice
  let atOnce = 0;
  let most = 0;
  for (const line of lines.filter((one) => kinds.get(one.split(' ')[1] ?? '') !== 'slow')) {
    atOnce += line.startsWith('+') ? 1 : -1;
    most = Math.max(most, atOnce);
  }
  expect(most).toBeLessThanOrEqual(4);
}, 300_000);

test('what can not be a task is shown by status until it is mended; a cancelled one is reported as such', async () => {
  const here = build({ agents: { bot: { command: ['true'] } } });
  const project = here.project('shop');
  const dispatch = join(here.home, 'dispatch');
  const client = await here.connect();
  const file = { id: 'dispatch-a', dispatched_by: 'a story', task: 'Do it.', project: 'shop', project_dir: project };
  const drop = (content: object) => {
    writeFileSync(join(dispatch, '.a.part'), JSON.stringify(content));
    renameSync(join(dispatch, '.a.part'), join(dispatch, 'dispatch-a.json'));
  };
  drop({ ...file, target_agent: 'cursor' });
  await until(() => listed(dispatch, 'rejected').length === 2);
  const status = async () => (await here.cli(['status'])).stdout;
  expect(await status()).toMatch(/the dispatch file dispatch-a\.json was rejected: target_agent: "cursor"/);
  const doctor = async () => (await here.cli(['doctor'])).stdout;
  expect(await doctor()).toMatch(/intake/);

  for (const name of listed(dispatch, 'rejected')) rmSync(join(dispatch, 'rejected', name));
  drop({ ...file, not_before: '2099-01-01T00:00:00Z' });
  await client.state('shop', 'dispatch-a', 'queued');
  expect(await status()).not.toContain('rejected');
  await client.ask('cancel_task', { id: 'dispatch-a', project: 'shop' });
  await until(() => listed(dispatch, 'completed').length === 1);
  const report = JSON.parse(readFileSync(join(dispatch, 'completed', 'dispatch-a.json'), 'utf8')) as Report;
  expect(report).toMatchObject({ status: 'cancelled', duration: 0, output_length: 0, error_type: null });

  const heartbeat = () => JSON.parse(here.read(here.home, 'heartbeat.json')) as { pid: number; status: string };
  expect(heartbeat()).toMatchObject({ status: 'running', pid: here.runtime });
  await here.endRuntime('SIGTERM');
  expect(heartbeat()).toMatchObject({ status: 'stopped' });
}, 120_000);
