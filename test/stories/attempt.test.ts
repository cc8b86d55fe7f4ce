import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Client, type Settings, type Status, shell, World } from './world.ts';

const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** An agent that uses the command line itself, as its prompt's first lines say, and tells what came of it. */
const script = `sed -n 's/^RUN //p' "$1" | while read -r line; do eval "node '${main}' $line" </dev/null 2>&1; echo "exit $?"; done`;

function settings(children: boolean): Settings {
  return {
    agents: {
      inner: {
        command: shell(script),
        max: 4,
        pass_env: ['YARDMASTER_HOME', 'YARDMASTER_CONFIG'],
        capabilities: ['inner'],
      },
      plain: { command: shell('echo plain'), max: 4 },
    },
    headless: { max_running: 8 },
    limits: { children, max_depth: 2 },
  };
}

const world = new World(settings(true));
let client: Client;

beforeAll(async () => {
  client = await world.connect();
});
afterAll(() => world.end());

async function inside(project: string, ...lines: string[]): Promise<string> {
  const body = lines.map((line) => `RUN ${line}`).join('\n');
  const { id } = await client.enqueue(project, `Do:\n${body}\n`, { requires: ['inner'], title: 'parent' });
  return (await client.ended(project, id)).result?.text ?? '';
}

test('an agent may enqueue children where that is configured; they carry their parent', async () => {
  const project = world.project('family');
  const said = await inside(project, 'enqueue "a child" --id child', 'cancel child --reason changed');
  expect(said).toContain('exit 0');
  await client.state(project, 'child', 'cancelled');
  const queued = await world.events<{ type: string; task: { id: string; parent?: { id: string }; depth: number } }>(
    'task_queued',
  );
  expect(queued.find(({ task }) => task.id === 'child')?.task).toMatchObject({ parent: { id: 'parent' }, depth: 1 });
});

test('an agent changes nothing that is not its own: others, requests, retries, other projects, events', async () => {
  const project = world.project('bounds');
  const other = world.project('elsewhere');
  await client.enqueue(project, 'not yours', { id: 'strange', not_before: '2099-01-01T00:00:00Z' });
  await client.enqueue(other, 'far', { id: 'far', not_before: '2099-01-01T00:00:00Z' });
  const said = await inside(
    project,
    'cancel strange',
    'retry strange',
    `enqueue "x" --project ${other}`,
    `list --project ${other}`,
    'events',
    `import ${other}`,
    'stop',
    'enqueue "x" --verify "touch pwned"',
  );
  expect(said.match(/exit \d+/g)).toEqual([
    'exit 1',
    'exit 1',
    'exit 1',
    'exit 1',
    'exit 1',
    'exit 1',
    'exit 1',
    'exit 1',
  ]);
  expect(said).toContain('not yours to change');
  expect(said).toContain('own project');
  expect(await client.one(project, 'strange')).toMatchObject({ state: 'queued' });
  const { tasks } = await client.ask<Status>('list_tasks', { project });
  expect(tasks.map(({ id }) => id).sort()).toEqual(['parent', 'strange']);
});

test('children of children end at max_depth', async () => {
  const project = world.project('deep');
  const body = (n: number): string =>
    n === 0 ? 'RUN enqueue "too deep" --id d3' : `RUN enqueue -f ${project}/d${3 - n}.md --requires inner`;
  const { writeFileSync } = await import('node:fs');
  writeFileSync(`${project}/d1.md`, `---\nid: d1\ntitle: d1\n---\nDo:\n${body(1)}\n`);
  writeFileSync(`${project}/d2.md`, `---\ntitle: d2\n---\nDo:\n${body(0)}\n`);
  await client.enqueue(project, `Do:\n${body(2)}\n`, { requires: ['inner'], id: 'd0' });
  await client.ended(project, 'd0');
  await client.state(project, 'd1', 'done');
  await client.state(project, 'd2', 'done');
  expect((await client.ended(project, 'd2')).result?.text).toContain('max_depth is 2');
  expect(await client.call('job_status', { project, id: 'd3' })).toMatchObject({ isError: true });
});

test('a token of an attempt that has ended is nobody, not the owner', async () => {
  const project = world.project('stale');
  const { id } = await client.enqueue(project, 'Do:\nRUN list\n', { requires: ['inner'] });
  await client.ended(project, id);
  const claims = await world.events<{ type: string; id: string; token: string }>('task_claimed');
  const token = claims.find((claim) => claim.id === id)?.token ?? '';
  const { code, stderr } = await world.cli(['list'], { env: { YARDMASTER_ATTEMPT_TOKEN: token } });
  expect(code).toBe(1);
  expect(stderr).toContain('belongs to no attempt');
  expect((await world.cli(['list'], { env: { YARDMASTER_ATTEMPT_TOKEN: 'made-up' } })).code).toBe(1);
});
