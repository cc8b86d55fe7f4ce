import { afterEach, expect, test } from 'vitest';
import { tools } from '../../src/tools/index.ts';
import { INSTRUCTIONS } from '../../src/tools/instructions.ts';
import type { Status, World } from '../stories/world.ts';
import { runCodex } from './agents/codex.ts';
import { type HttpWorld, httpWorld } from './by-http.ts';
import { ScriptedModel } from './model/model.ts';
import { newest, type Step } from './model/script.ts';
import { program } from './program.ts';
import { begunOnce, gatedWorld, overheard, TOLD, threeTasks } from './three-tasks.ts';

/* The real Codex as our client, with a scripted model behind it. */

const codex = program('codex');

let world: World;
afterEach(() => world?.end(), 30_000);

/** It gives its model the tools of a server as a namespace. */
const named = (tool: string) => ({ call: tool, space: 'mcp__yardmaster' });

async function run(steps: readonly Step[], block: string, args: readonly string[], http?: HttpWorld) {
  const model = await ScriptedModel.start(steps);
  const more = http && { ports: [http.line.port], env: { YARDMASTER_TOKEN: http.token } };
  const asking = { world, model, program: codex(), block, ...more };
  const { stdout, stderr } = await runCodex(asking, args).finally(() => model.close());
  return { stdout, stderr, asked: model.asked };
}

/** What the README adds for `codex exec`: without the first line it does not wait for our tools when the machine is busy. */
const UNATTENDED = 'required = true\ndefault_tools_approval_mode = "approve"\n';
/** The shortest that shows both a list and a change. */
const hello: Step[] = [
  () => ({ ...named('enqueue_task'), with: { project: 'shop', id: 'hello', body: 'x' } }),
  () => ({ ...named('list_tasks'), with: {} }),
  (asked) => ({
    say: newest<Status>(asked)
      .tasks.map(({ id, project }) => `${project}/${id} is there`)
      .join(),
  }),
];
const EXEC = ['exec', '--json', '--skip-git-repo-check', 'Build the release.'];

test('it reads the block that is printed for it, times included', async () => {
  world = gatedWorld();
  const { stdout: block } = await world.cli(['mcp-config', 'codex']);
  const { stdout } = await run([], block, ['mcp', 'get', 'yardmaster', '--json']);
  expect(JSON.parse(stdout)).toMatchObject({
    enabled: true,
    transport: {
      type: 'stdio',
      args: [expect.stringMatching(/main\.js$/), 'mcp'],
      env: { YARDMASTER_HOME: world.home },
    },
    startup_timeout_sec: 30,
    tool_timeout_sec: 120,
  });
}, 60_000);

test('its model sees all tools and how they work together; unattended it reads, and changes only what is approved', async () => {
  world = gatedWorld();
  const { stdout: block } = await world.cli(['mcp-config', 'codex']);
  const steps: Step[] = [
    () => ({ ...named('fleet_status'), with: {} }),
    () => ({ ...named('enqueue_task'), with: { project: 'shop', body: 'x' } }),
    ({ answers }) => ({ say: answers.map(({ text }) => text).join(' | ') }),
  ];
  const { stdout, asked } = await run(steps, `${block}required = true\n`, EXEC);
  expect(stdout).toMatch(/"text":".*needs.* \| .*requires approval/);
  const ours = asked[0]?.tools.filter(({ name }) => name.startsWith('mcp__yardmaster')) ?? [];
  for (const { name, description } of tools)
    expect(ours).toContainEqual(expect.objectContaining({ name: `mcp__yardmaster${name}`, description }));
  expect(ours.find(({ name }) => name === 'mcp__yardmaster')?.description).toBe(INSTRUCTIONS);
}, 60_000);

test('three tasks as a group; the runtime is killed twice, once under a waiting call, and nobody notices', async () => {
  world = gatedWorld();
  const { block, sent } = await overheard(world, 'codex');
  const { stdout } = await run(threeTasks({ world, named, sent }), block + UNATTENDED, EXEC);
  expect(stdout).toContain(`"text":"${TOLD}"`);
  begunOnce(world);
}, 90_000);

test('over HTTP: it takes the token from its environment, lists and calls', async () => {
  const http = await httpWorld();
  world = http.world;
  const { stdout, asked } = await run(hello, (await http.block('codex')) + UNATTENDED, EXEC, http).finally(() =>
    http.line.close(),
  );
  expect(stdout).toContain('"text":"shop/hello is there"');
  const shown = asked[0]?.tools.map(({ name }) => name);
  expect(shown).toEqual(expect.arrayContaining(tools.map(({ name }) => `mcp__yardmaster${name}`)));
}, 90_000);
