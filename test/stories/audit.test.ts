import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { until } from '../support/world.ts';
import { shell, World } from './world.ts';

let world: World | undefined;
afterEach(async () => {
  await world?.end();
  world = undefined;
}, 60_000);

interface Line {
  readonly seq: number;
  readonly at: string;
  readonly type: string;
  readonly by: string;
  readonly project?: string;
  readonly id: string;
  readonly task?: string;
  readonly attempt?: number;
}

async function lines(here: World, ...args: string[]): Promise<Line[]> {
  const { code, stdout, stderr } = await here.cli(['audit', ...args, '--json']);
  if (code !== 0) throw new Error(stderr);
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line);
}

test('who did what to a task, and when, without anything secret', async () => {
  const here = new World({
    agents: { bot: { command: shell('env; [ "$YARDMASTER_TASK" = good ]') } },
    retry: { max_attempts: 1 },
  });
  world = here;
  const [shop, depot] = [here.project('shop'), here.project('depot')];
  const client = await here.connect();
  await client.enqueue(shop, 'the whole prompt', { id: 'good', title: 'Good' });
  await client.enqueue(depot, 'x', { id: 'bad' });
  await client.ended(shop, 'good');
  await client.ended(depot, 'bad');

  const story = await lines(here, '--task', 'shop/good', '--oldest-first');
  expect(story.map(({ type, by }) => [type, by])).toEqual([
    ['task_queued', 'owner'],
    ['task_claimed', 'dispatcher'],
    ['task_dispatched', 'runner'],
    ['task_completed', 'runner'],
  ]);
  expect(story[0]).toMatchObject({ project: 'shop', task: 'good', call: expect.any(String) });
  expect((await lines(here, '--task', 'shop/good')).map(({ seq }) => seq)).toEqual(
    story.map(({ seq }) => seq).reverse(),
  );

  const { stdout } = await here.cli(['audit', '--type', 'task_failed', '--project', depot]);
  expect(stdout).toMatch(
    /^\S+ +runner +task failed {2}depot\/bad {2}attempt 1 {2}bot {2}\S+ {2}the agent ended with exit code 1\n$/,
  );
  const all = await here.cli(['audit', '--limit', '0', '--json']);
  const token = /YARDMASTER_ATTEMPT_TOKEN=(\S+)/.exec(
    (await client.one(shop, 'good', { detail: 'log' })).log?.text ?? '',
  )?.[1];
  expect(token).toBeDefined();
  for (const secret of [token ?? '', 'the whole prompt']) expect(all.stdout).not.toContain(secret);

  expect(await lines(here, '--since', '2099-01-01')).toEqual([]);
  expect((await lines(here, '--by', 'owner', '--type', 'task-queued', '-n', '1')).map(({ task }) => task)).toEqual([
    'bad',
  ]);
  expect(await here.cli(['audit', '--type', 'nonsense'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('task_claimed'),
  });
});

test('events that the journal has given away are read as well, and what happens is followed', async () => {
  const here = new World({
    agents: { bot: { command: shell('exit 0') } },
    journal: { segment_bytes: 4_096 },
  });
  world = here;
  const project = here.project('shop');
  const client = await here.connect();
  const tasks = Array.from({ length: 30 }, (_, n) => ({ id: `t-${n}`, body: 'x'.repeat(200) }));
  for (const task of tasks) {
    await client.enqueue(project, task.body, { id: task.id });
    await client.ended(project, task.id);
  }
  await client.close();
  for (let n = 0; n < 2; n++) {
    await here.endRuntime('SIGTERM');
    await here.start();
  }
  expect(readdirSync(join(here.home, 'events'), { recursive: true }).length).toBeGreaterThan(2); // not all is in the journal
  const finished = await lines(here, '--type', 'task_completed', '--limit', '0', '--oldest-first');
  expect(finished.map(({ task }) => task)).toEqual(tasks.map(({ id }) => id));
  const back = await lines(here, '--type', 'task_completed', '--limit', '0');
  expect(back).toEqual([...finished].reverse());

  const follow = here.spawn(['audit', '--follow', '--type', 'task_queued', '-n', '2', '--json']);
  let said = '';
  follow.stdout?.on('data', (chunk: Buffer) => {
    said += chunk;
  });
  await until(() => said.split('\n').length > 2);
  const again = await here.connect();
  await again.enqueue(project, 'new', { id: 'new' });
  await until(() => said.includes('"task":"new"'));
  const ids = said
    .split('\n')
    .filter(Boolean)
    .map((line) => (JSON.parse(line) as Line).task);
  expect(ids).toEqual(['t-28', 't-29', 'new']);
  follow.kill('SIGTERM');
}, 120_000);
