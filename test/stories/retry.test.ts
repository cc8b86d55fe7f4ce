import { afterEach, expect, test } from 'vitest';
import { until } from '../support/world.ts';
import { HeadlessWorld } from './headless/world.ts';
import { type Client, type Status, World } from './world.ts';

/* What fails for good is read as a person would read it, and tried again in other ways. */

interface Tried {
  readonly each?: readonly { readonly attempt: number; readonly agent?: string; readonly session_id?: string }[];
}
type Task = Status['tasks'][number] & { readonly tries?: Tried; readonly error_class?: string };
interface Retried {
  readonly id: string;
  readonly state: string;
  readonly retry_of?: string;
}

let world: World;
afterEach(() => world.end());

const sh = (script: string) => ({ command: ['sh', '-c', script] });
const BROKEN = sh('echo the database is gone; exit 7');
const PICKY = sh('grep -q "mind the gap" || exit 7; echo minded');

const triesOf = async (client: Client, project: string, id: string) =>
  ((await client.one(project, id, { detail: 'attempts' })) as Task).tries?.each ?? [];

test('a dead letter says what was tried and how it goes on, and another agent does it', async () => {
  world = new World({ agents: { broken: BROKEN, worker: sh('cat') }, retry: { backoff: 0 } });
  const shop = world.project('shop');
  const client = await world.connect();
  const { id } = await client.enqueue(shop, 'Restore the table.', { agent: 'broken', tags: ['db'] });
  expect(await client.ended(shop, id)).toMatchObject({ state: 'failed', error_class: 'tool_failure', attempts: 2 });
  expect(await triesOf(client, shop, id)).toMatchObject([
    { attempt: 1, ended: 'again', agent: 'broken', exit_code: 7, spent: true },
    { attempt: 2, ended: 'failed', agent: 'broken', exit_code: 7, spent: true },
  ]);
  await until(() => world.listed(shop, 'failed').length === 1);
  const letter = world.read(world.queue(shop, 'failed', `${id}.md`));
  const parts = ['# What happened', 'After 2 attempts.', '## What was tried', '1. broken, ', '2. broken, '];
  const rest = ['## How to go on', `yardmaster retry shop/${id} --agent`, 'written by its agent', 'database is gone'];
  const order = [...parts, ...rest, '## The task as it was', 'Restore the table.'].map((part) =>
    letter.lastIndexOf(part),
  );
  expect(order).toEqual([...order].sort((a, b) => a - b));
  expect(order).not.toContain(-1);

  const { stdout } = await world.cli(['failed']);
  expect(stdout).toMatch(new RegExp(`shop/${id} .*tool_failure +2 .*exit code 7`));
  expect(stdout).toContain(`next: yardmaster show shop/${id}`);
  expect(await client.resource(`task://shop/${id}`)).toContain('What was tried');

  const again = await world.json<Retried>('retry', `shop/${id}`, '--agent', 'worker');
  expect(again.retry_of).toBe(id);
  const done = await client.ended(shop, again.id);
  expect(done).toMatchObject({ state: 'done', runs_on: 'worker', tags: ['db'] });
  expect(done.result?.text).toContain('Restore the table.');
  expect((await world.cli(['retry', `shop/${id}`])).stderr).toContain(`retried already as ${again.id}`);
  expect((await world.cli(['failed'])).stdout).not.toContain('next:');
});

test('a task that waits for its next attempt is changed in place, and its file says so', async () => {
  world = new World({ agents: { picky: PICKY }, retry: { backoff: '1h' } });
  const shop = world.project('shop');
  const client = await world.connect();
  const { id } = await client.enqueue(shop, 'Cross the platform.');
  await until(async () => (await client.one(shop, id)).waiting?.reason === 'backoff');
  expect(await client.refused('retry_task', { id, project: shop, agent: 'nobody' })).toContain('nothing was changed');
  expect(await client.refused('retry_task', { id, project: shop, conversation: 'resume' })).toContain('conversation');
  const words = ['--instructions', 'Do mind the gap.', '--max-attempts', '5'];
  expect(await world.json<Retried>('retry', `shop/${id}`, ...words)).toMatchObject({ id });
  expect(await client.ended(shop, id)).toMatchObject({ state: 'done', attempts: 2, result: { text: 'minded' } });
  expect(await triesOf(client, shop, id)).toMatchObject([
    { attempt: 1, ended: 'again' },
    { attempt: 2, ended: 'done' },
  ]);
  expect(await client.refused('retry_task', { id, project: shop, model: 'x' })).toContain('is done');
});

test('further words in the same conversation, then a fresh one', async () => {
  const sessions = new HeadlessWorld({ verify_retries: 0 });
  world = sessions;
  const shop = world.project('shop');
  const client = await world.connect();
  const place = { agent: 'claude', mode: 'headless' };
  const first = await client.enqueue(shop, '[[say:All done.]]', { ...place, verify: 'test -f fixed.txt' });
  expect(await client.ended(shop, first.id)).toMatchObject({ state: 'failed', error_class: 'verify' });
  const [{ session_id } = {}] = await triesOf(client, shop, first.id);
  await until(() => world.listed(shop, 'failed').length === 1);
  const letter = world.read(world.queue(shop, 'failed', `${first.id}.md`));
  for (const part of [`claude --resume ${session_id}`, '--resume --instructions', 'test -f fixed.txt: exit code 1'])
    expect(letter).toContain(part);
  const other = { id: first.id, project: shop, conversation: 'resume', agent: 'codex' };
  expect(await client.refused('retry_task', other)).toContain('a conversation of claude');

  const words = '[[write:other.txt:yes]] It has to be there.';
  const second = await client.ask<Retried>('retry_task', { ...other, agent: undefined, instructions: words });
  expect(await client.ended(shop, second.id)).toMatchObject({ state: 'failed', error_class: 'verify' });
  expect(await triesOf(client, shop, second.id)).toMatchObject([{ attempt: 1, session_id }]);
  expect(sessions.lines(shop, 'other.txt')).toEqual(['yes']);

  const more = ['--fresh', '--instructions', '[[write:fixed.txt:yes]][[say:Now it is.]]'];
  const third = await world.json<Retried>('retry', `shop/${second.id}`, ...more);
  expect(await client.ended(shop, third.id)).toMatchObject({ state: 'done', verified: 'passed' });
  const ids = sessions.begun.map(({ argv }) => argv.find((one) => /^--(session-id|resume)=/.test(one)) ?? '');
  expect(ids.map((one) => one.includes(session_id ?? '?'))).toEqual([true, true, false]);
});
