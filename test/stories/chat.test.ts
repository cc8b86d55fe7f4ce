import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ChatRequest, ChatService } from '../fakes/chat-service.ts';
import { until } from '../support/world.ts';
import { type Client, World } from './world.ts';

const KEY = 'sk-story-0123456789-never-in-a-file';
const PRICES = { currency: 'CAD', models: { small: { input: 2, output: 4 } } };

const world = new World();
let service: ChatService;
let client: Client;

beforeAll(async () => {
  service = await ChatService.start({
    key: KEY,
    answer: (prompt) => `Thought about it: ${prompt} (asked with ${KEY})`,
  });
  const chat = { kind: 'openai-chat' as const, base_url: service.url, model: 'small', key_env: 'STORY_CHAT_KEY' };
  world.configure({
    delegation: {
      interval: '30s', // an end is heard of, not looked for
      default_provider: 'near',
      providers: { near: { ...chat, models: { deep: 'large' }, stall: '1s', prices: PRICES } },
    },
    retry: { backoff: '100ms', backoff_max: '200ms' },
  });
  process.env.STORY_CHAT_KEY = KEY;
  client = await world.connect();
});
afterAll(async () => {
  delete process.env.STORY_CHAT_KEY;
  await world.end();
  await service.close();
});

const delegated = async (project: string, body: string, more: Record<string, unknown> = {}) =>
  (await client.ask<{ id: string }>('delegate', { project, body, ...more })).id;
const about = (body: string): ChatRequest[] => service.requests.filter(({ prompt }) => prompt.includes(body));

test('two prompts are answered, each by its model, and come home with what they cost', async () => {
  const project = world.project('two');
  const small = await delegated(project, 'Compare MIT and Apache.');
  const deep = await delegated(project, 'Prove it.', { provider: 'deep' });
  expect(await client.ended(project, small)).toMatchObject({ state: 'done', attempts: 1 });
  expect(await client.ended(project, deep)).toMatchObject({ state: 'done', attempts: 1 });
  expect(about('Compare MIT')[0]?.body.model).toBe('small');
  expect(about('Prove it')[0]?.body.model).toBe('large');
  await until(() => world.listed(project, 'done').length === 2);
  const file = world.read(world.queue(project, 'done', `${small}.md`));
  expect(file).toMatch(/^model: small-2026-11-01$/m);
  expect(file).toMatch(/^tokens: 1500$/m);
  expect(file).toMatch(/cost_cad: 0\.0040[\s\S]*cost_cad: 0\.0040/); // in the front matter and in the footer
  expect(file).toContain('Compare MIT and Apache.');
  const unpriced = world.read(world.queue(project, 'done', `${deep}.md`));
  expect(unpriced).toMatch(/^model: large-2026-11-01$/m);
  expect(unpriced).not.toMatch(/^cost/m); // nobody said what that one costs
});

test('a server that is busy is asked again when it said, and that costs no attempt', async () => {
  const project = world.project('busy');
  service.fault({ kind: 'status', code: 429, headers: { 'retry-after-ms': '300' } });
  const id = await delegated(project, 'when you have time');
  expect(await client.ended(project, id)).toMatchObject({ state: 'done' });
  const [failed] = (await world.events<{ type: string; id: string; spent: boolean }>('task_requeued')).filter(
    (event) => event.id === id,
  );
  expect(failed).toMatchObject({ spent: false });
  expect(about('when you have time')).toHaveLength(2);
});

test('an answer that stalls is given up, and asked for once more', async () => {
  const project = world.project('stall');
  service.fault({ kind: 'stalls', after: 'well, ', pings: true });
  const id = await delegated(project, 'do not fall asleep');
  expect(await client.ended(project, id)).toMatchObject({ state: 'done', attempts: 2 });
  const [given_up] = (await world.events<{ type: string; id: string }>('task_requeued')).filter(
    (event) => event.id === id,
  );
  expect(given_up).toMatchObject({ error_class: 'timeout', reason: expect.stringMatching(/had said 6 characters/) });
  const keys = about('do not fall asleep').map(({ headers }) => headers['idempotency-key']);
  expect(new Set(keys).size).toBe(2); // another attempt is another request
});

test('a cancel closes the connection, so that the server stops', async () => {
  const project = world.project('call-back');
  service.fault({ kind: 'drip', ms: 50 });
  const id = await delegated(project, 'never mind');
  await until(() => about('never mind').length === 1);
  await client.state(project, id, 'running');
  await client.ask('cancel_task', { project, id, reason: 'changed my mind' });
  await about('never mind')[0]?.closed;
  expect(about('never mind')[0]?.left).toBe(true);
  expect(await client.ended(project, id)).toMatchObject({ state: 'cancelled' });
});

test('an answer that was lost with the runtime is asked for again', async () => {
  const project = world.project('killed');
  service.fault({ kind: 'drip', ms: 50 });
  const id = await delegated(project, 'outlive me');
  await until(() => about('outlive me').length === 1);
  await client.state(project, id, 'running');
  await world.endRuntime('SIGKILL');
  expect(await client.ended(project, id)).toMatchObject({ state: 'done', attempts: 2 });
  expect(about('outlive me')).toHaveLength(2);
});

test('the key is in no file, though it was said back in every answer', () => {
  expect(service.requests.every(({ headers }) => headers.authorization === `Bearer ${KEY}`)).toBe(true);
  const files = readdirSync(world.root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  expect(files.length).toBeGreaterThan(10);
  for (const { parentPath, name } of files)
    expect(readFileSync(join(parentPath, name)).includes(KEY), join(parentPath, name)).toBe(false);
});
