import { afterEach, expect, test } from 'vitest';
import { tools } from '../../src/tools/index.ts';
import { INSTRUCTIONS } from '../../src/tools/instructions.ts';
import type { World } from '../stories/world.ts';
import { askClaude } from './agents/claude.ts';
import { type HttpWorld, httpWorld } from './by-http.ts';
import { ScriptedModel } from './model/model.ts';
import type { Asked, Step } from './model/script.ts';
import { program } from './program.ts';
import { begunOnce, gatedWorld, overheard, TOLD, threeTasks } from './three-tasks.ts';

/* The real Claude Code as our client, with a scripted model behind it. */

const claude = program('claude');

let world: World;
let model: ScriptedModel;
afterEach(() => world?.end(), 30_000);

const named = (tool: string) => ({ call: `mcp__yardmaster__${tool}` });

/** As it is printed for everybody. */
async function printed(): Promise<string> {
  return (await world.cli(['mcp-config', 'claude'])).stdout;
}

async function ask(steps: readonly Step[], block: string, http?: HttpWorld) {
  model = await ScriptedModel.start(steps, { again: http !== undefined });
  const asking = { world, model, program: claude(), prompt: 'Build the release.', block };
  const more = http && { ports: [http.line.port], env: { YARDMASTER_TOKEN: http.token } };
  return askClaude({ ...asking, ...more }).finally(() => model.close());
}

function first(): Asked {
  const [asked] = model.asked;
  if (asked === undefined) throw new Error('the model was never asked');
  return asked;
}

test('what its model is shown: three tools at once, the names of the others, and how they work together', async () => {
  world = gatedWorld();
  await ask([() => ({ say: 'seen' })], await printed());
  const { tools: shown, words } = first();
  const ours = shown.filter(({ name }) => name.startsWith('mcp__yardmaster__'));
  expect(ours.map(({ name }) => name.slice('mcp__yardmaster__'.length)).sort()).toEqual([
    'enqueue_task',
    'fleet_status',
    'job_status',
  ]);
  for (const { name, description } of tools) {
    const loaded = ours.find((one) => one.name.endsWith(`__${name}`));
    if (loaded)
      expect(loaded.description).toBe(description); // not cut
    else expect(words).toContain(`mcp__yardmaster__${name}`);
  }
  expect(words).toContain(INSTRUCTIONS);
}, 60_000);

test('three tasks as a group; the runtime is killed twice, once under a waiting call, and nobody notices', async () => {
  world = gatedWorld();
  const { block, sent } = await overheard(world, 'claude');
  const result = await ask(threeTasks({ world, named, sent }), block);
  expect(result).toMatchObject({ is_error: false, result: TOLD });
  begunOnce(world);
}, 90_000);

test('an answer to an agent’s request needs a person: without one Claude Code refuses it itself', async () => {
  world = gatedWorld();
  const steps: Step[] = [
    () => ({ ...named('answer_request'), with: { request_id: 'req-1', decision: 'allow' } }),
    ({ answers }) => ({ say: answers[0]?.isError ? 'refused' : 'let through' }),
  ];
  const result = await ask(steps, await printed());
  expect(result).toMatchObject({
    result: 'refused',
    permission_denials: [{ tool_name: named('answer_request').call }],
  });
}, 60_000);

test('answers that are long, but as long as we let them be, reach its model whole', async () => {
  world = gatedWorld();
  const task = { body: 'x', title: '"'.repeat(300), not_before: '2099-01-01T00:00:00Z' }; // two characters each in JSON
  const steps: Step[] = [
    () => ({ ...named('enqueue_task'), with: { project: 'shop', tasks: Array.from({ length: 100 }, () => task) } }),
    () => ({ ...named('list_tasks'), with: { limit: 100 } }),
    ({ answers: [, listed] }) => ({ say: `${JSON.parse(listed?.text ?? '').tasks.length} of ${listed?.text.length}` }),
  ];
  const { result } = await ask(steps, await printed());
  expect(result).toMatch(/^100 of \d{5}$/);
  expect(Number(result.slice('100 of '.length))).toBeGreaterThan(60_000); // else cut down to a preview
}, 60_000);

test('a refusal reaches its model as the reason and what to do, and a call it can correct changes nothing', async () => {
  world = gatedWorld();
  const steps: Step[] = [
    () => ({ ...named('enqueue_task'), with: { project: 'shop', body: 'x', priority: 'urgent' } }),
    () => ({ ...named('list_tasks'), with: {} }),
    ({ answers: [refused, listed] }) => {
      expect(refused).toMatchObject({ isError: true, text: expect.stringMatching(/urgent.*allowed: critical/) });
      expect(JSON.parse(listed?.text ?? '')).toMatchObject({ tasks: [] });
      return { say: 'understood' };
    },
  ];
  expect(await ask(steps, await printed())).toMatchObject({ result: 'understood' });
}, 60_000);

test('over HTTP: the runtime is killed and comes back in the middle, and the conversation goes on', async () => {
  const http = await httpWorld();
  world = http.world;
  const { revive, line } = http;
  const steps = threeTasks({ world, named, sent: line.sent, revive });
  const result = await ask(steps, await http.block('claude'), http).finally(() => line.close());
  expect(result).toMatchObject({ is_error: false, result: TOLD });
  begunOnce(world);
}, 90_000);
