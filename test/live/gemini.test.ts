import { afterEach, expect, test } from 'vitest';
import { tools } from '../../src/tools/index.ts';
import { INSTRUCTIONS } from '../../src/tools/instructions.ts';
import type { Status, World } from '../stories/world.ts';
import { runGemini } from './agents/gemini.ts';
import { type HttpWorld, httpWorld } from './by-http.ts';
import { ScriptedModel } from './model/model.ts';
import { newest, type Step } from './model/script.ts';
import { program } from './program.ts';
import { begunOnce, gatedWorld, overheard, TOLD, threeTasks } from './three-tasks.ts';

/* The real Gemini CLI as our client, with a scripted model behind it. */

const gemini = program('gemini');

let world: World;
afterEach(() => world?.end(), 30_000);

const named = (tool: string) => ({ call: `mcp_yardmaster_${tool}` });

async function run(steps: readonly Step[], block: string, args: readonly string[], http?: HttpWorld) {
  const model = await ScriptedModel.start(steps);
  const more = http && { ports: [http.line.port], env: { YARDMASTER_TOKEN: http.token } };
  const asking = { world, model, program: gemini(), block, ...more };
  const { stdout, stderr } = await runGemini(asking, args).finally(() => model.close());
  return { stdout, stderr, asked: model.asked };
}

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
/** Without a person it leaves out tools that need a consent, unless their server is named. */
const NAMED = ['--allowed-mcp-server-names', 'yardmaster'];
const PROMPT = ['-m', 'gemini-2.5-flash', '-p', 'Build the release.', '--output-format', 'json', ...NAMED];

test('it connects by the block that is printed for it', async () => {
  world = gatedWorld();
  const { stdout: block } = await world.cli(['mcp-config', 'gemini']);
  const { stderr } = await run([], block, ['mcp', 'list']);
  expect(stderr).toMatch(/yardmaster: .*main\.js mcp \(stdio\) - Connected/);
}, 60_000);

test('three tasks as a group; the runtime is killed twice, once under a waiting call, and nobody notices', async () => {
  world = gatedWorld();
  const { block, sent } = await overheard(world, 'gemini');
  const { stdout, asked } = await run(threeTasks({ world, named, sent }), block, PROMPT);
  expect(JSON.parse(stdout)).toMatchObject({ response: TOLD });
  begunOnce(world);
  const shown = asked[0]?.tools.map(({ name }) => name);
  expect(shown).toEqual(expect.arrayContaining(tools.map(({ name }) => named(name).call)));
  expect(asked[0]?.words).toContain(INSTRUCTIONS);
}, 90_000);

test('over HTTP: it takes the token from its environment, lists and calls', async () => {
  const http = await httpWorld();
  world = http.world;
  const { stdout } = await run(hello, await http.block('gemini'), PROMPT, http).finally(() => http.line.close());
  expect(JSON.parse(stdout)).toMatchObject({ response: 'shop/hello is there' });
}, 90_000);
