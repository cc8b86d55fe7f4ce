import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../../support/world.ts';
import type { Client, Status } from '../world.ts';
import { SessionWorld, session, when } from './world.ts';

/* What an agent in a session says of its work is checked like everybody's; the session goes on with the conversation. */

const world = new SessionWorld({
  pool: { autonomous: { prefix: 'auto-', max: 1 } },
  headless: { grace: '500ms' },
});
let client: Client;
let projects = 0;

beforeAll(async () => {
  client = await world.connect();
});
afterAll(() => world.end());

const project = () => world.project(`shop-${++projects}`);
const WAITS = `sh -c 'echo run >> runs; while [ ! -e go ]; do sleep 0.05; done'`;

type Task = Status['tasks'][number] & {
  readonly evidence?: { readonly verify?: { readonly exit_code?: number } };
  readonly verified?: string;
};

async function ended(path: string, id: string): Promise<Task> {
  for (;;) {
    const task = (await client.ended(path, id)) as Task;
    if (['done', 'failed', 'cancelled'].includes(task.state)) return task;
  }
}

function promptOf(path: string, id: string, attempt: number): string {
  const { project_id } = JSON.parse(readFileSync(world.queue(path, '.project.json'), 'utf8')) as { project_id: string };
  return world.read(world.home, 'runs', project_id, id, String(attempt), 'prompt.md');
}

describe('a session whose work is checked', () => {
  test('goes on in its conversation with the complaint, and is done when the check passes', async () => {
    const path = project();
    const verify = `sh -c 'test -e mended || { touch mended; echo 1 of 3 is broken; exit 3; }'`;
    const before = world.begun.length;
    const { id } = await client.enqueue(path, '[[say:All done.]]', { verify });
    const task = await ended(path, id);
    expect(task).toMatchObject({ state: 'done', verified: 'passed', attempts: 2, result: { text: 'All done.' } });
    expect(promptOf(path, id, 2)).toContain('1 of 3 is broken');
    const [, second] = world.begun.slice(before);
    expect(second?.argv.join(' ')).toContain('--resume=');
  });

  test('fails when it is refused again: output, answer and evidence are there, and its place takes the next task', async () => {
    const path = project();
    const { id } = await client.enqueue(path, '[[say:I am sure.]]', { verify: `sh -c 'echo still broken; exit 4'` });
    const task = await ended(path, id);
    expect(task).toMatchObject({ state: 'failed', error_class: 'verify', attempts: 2 });
    expect(task.evidence?.verify?.exit_code).toBe(4);
    expect(task.result?.text).toContain('## What the check says\n\nstill broken');
    expect(task.result?.text).toContain('## What the agent said of its work\n\nI am sure.');
    const next = await client.enqueue(path, '[[say:Next.]]');
    expect(await ended(path, next.id)).toMatchObject({ state: 'done', verified: 'unverified' });
  });

  test('says so meanwhile, and a killed runtime takes the check up where it is', async () => {
    const path = project();
    const before = world.begun.length;
    const { id } = await client.enqueue(path, '[[say:Done.]]', { verify: WAITS });
    await until(() => existsSync(join(path, 'runs')), 30_000);
    expect((await session(client, 'auto-0')).detail).toBe('its work is being checked');
    await world.endRuntime('SIGKILL');
    await when(client, 'auto-0', ({ detail }) => detail === 'its work is being checked');
    writeFileSync(join(path, 'go'), '');
    expect(await ended(path, id)).toMatchObject({ state: 'done', verified: 'passed', attempts: 1 });
    expect(world.lines(path, 'runs')).toEqual(['run']);
    expect(world.begun.length - before).toBe(1);
  });

  test('is cancelled with its check', async () => {
    const path = project();
    const { id } = await client.enqueue(path, '[[say:Done.]]', { verify: WAITS });
    await until(() => existsSync(join(path, 'runs')), 30_000);
    await client.ask('cancel_task', { id, project: path });
    expect(await ended(path, id)).toMatchObject({ state: 'cancelled' });
    expect(world.processes().filter(({ command }) => command.includes('while [ ! -e go ]'))).toEqual([]);
  });

  test('gives data where a schema asks for it', async () => {
    const path = project();
    const result_schema = { type: 'object', required: ['ok'] };
    const { id } = await client.enqueue(path, '[[say:{"ok": 1}]]', { result_schema });
    expect(await ended(path, id)).toMatchObject({ state: 'done', structured: { ok: 1 } });
    expect(promptOf(path, id, 1)).toContain(JSON.stringify(result_schema));
  });
});
