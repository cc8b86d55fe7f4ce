import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client as NewClient } from '@modelcontextprotocol/client';
import { StdioClientTransport as NewStdio } from '@modelcontextprotocol/client/stdio';
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as OldStdio } from '@modelcontextprotocol/sdk/client/stdio.js';
import { ResourceUpdatedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { standIn, until, World } from '../support/world.ts';

// Many processes on a busy machine: nothing here measures time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

interface Called {
  readonly isError?: boolean;
  readonly content: { text: string }[];
  readonly structuredContent?: Record<string, unknown>;
}

interface Ask {
  readonly signal?: AbortSignal;
}

/** The part of either client that these stories need. */
interface Talk {
  readonly instructions: string | undefined;
  readonly revision: string | undefined;
  tools(): Promise<Record<string, unknown>[]>;
  call(name: string, args?: Record<string, unknown>, ask?: Ask): Promise<Called>;
  read(uri: string): Promise<{ contents: unknown[] }>;
  templates(): Promise<unknown[]>;
  complete(uri: string, name: string, value: string, given?: Record<string, string>): Promise<string[]>;
  updates(uri: string): Promise<string[]>;
  close(): Promise<void>;
}

const info = { name: 'test', version: '1' };

async function older(world: World): Promise<Talk> {
  const client = new OldClient(info);
  const transport = new OldStdio({ command: process.execPath, args: [standIn, 'mcp'], env: world.env });
  await client.connect(transport);
  return {
    instructions: client.getInstructions(),
    revision: '2025-11-25',
    tools: async () => (await client.listTools()).tools,
    call: async (name, args = {}, ask = {}) =>
      (await client.callTool({ name, arguments: args }, undefined, ask)) as unknown as Called,
    read: (uri) => client.readResource({ uri }),
    templates: async () => (await client.listResourceTemplates()).resourceTemplates,
    complete: async (uri, name, value, given) => {
      const ref = { type: 'ref/resource' as const, uri };
      const context = given === undefined ? {} : { context: { arguments: given } };
      return (await client.complete({ ref, argument: { name, value }, ...context })).completion.values;
    },
    updates: async (uri) => {
      const seen: string[] = [];
      client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => void seen.push(params.uri));
      await client.subscribeResource({ uri });
      return seen;
    },
    close: () => client.close(),
  };
}

async function newer(world: World): Promise<Talk> {
  const client = new NewClient(info, { versionNegotiation: { mode: 'auto' } });
  const transport = new NewStdio({ command: process.execPath, args: [standIn, 'mcp'], env: world.env });
  await client.connect(transport);
  return {
    instructions: client.getInstructions(),
    revision: client.getNegotiatedProtocolVersion(),
    tools: async () => (await client.listTools()).tools as unknown as Record<string, unknown>[],
    call: async (name, args = {}, ask = {}) =>
      (await client.callTool({ name, arguments: args }, ask)) as unknown as Called,
    read: (uri) => client.readResource({ uri }),
    templates: async () => (await client.listResourceTemplates()).resourceTemplates,
    complete: async (uri, name, value, given) => {
      const ref = { type: 'ref/resource' as const, uri };
      const context = given === undefined ? {} : { context: { arguments: given } };
      return (await client.complete({ ref, argument: { name, value }, ...context })).completion.values;
    },
    updates: async (uri) => {
      const seen: string[] = [];
      client.setNotificationHandler('notifications/resources/updated', ({ params }) => void seen.push(params.uri));
      await client.listen({ resourceSubscriptions: [uri] });
      return seen;
    },
    close: () => client.close(),
  };
}

describe.each([
  { era: 'before 2026-07-28', open: older, revision: '2025-11-25' },
  { era: '2026-07-28', open: newer, revision: '2026-07-28' },
])('a client that speaks $era', ({ open, revision }) => {
  const world = new World();
  let talk: Talk;

  beforeAll(async () => {
    talk = await open(world);
  });
  afterAll(async () => {
    await talk?.close();
    await world.end();
  });

  test('is greeted with the instructions, in its revision', () => {
    expect(talk.instructions).toBe('Use echo.');
    expect(talk.revision).toBe(revision);
  });

  test('sees each tool with title, all four hints, strict input, output schema and _meta', async () => {
    const tools = await talk.tools();
    expect(tools.map(({ name }) => name)).toEqual(['echo', 'whoami', 'linger', 'accept', 'broken']);
    expect(tools[0]).toMatchObject({
      title: 'Echo',
      annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
      inputSchema: { type: 'object', required: ['text'], additionalProperties: false },
      outputSchema: { type: 'object', properties: { text: { type: 'string' } } },
      _meta: { 'anthropic/alwaysLoad': true },
    });
    expect(tools[0]?.inputSchema).not.toHaveProperty('$schema');
  });

  test('gets structured content and the same as text', async () => {
    const { structuredContent, content, isError } = await talk.call('echo', { text: 'grüß' });
    expect(isError).toBeFalsy();
    expect(structuredContent).toEqual({ text: 'grüß', pid: world.owner() });
    expect(JSON.parse(content[0]?.text ?? '')).toEqual(structuredContent);
  });

  test('is the owner under one bridge name; each request has a name of its own', async () => {
    const first = (await talk.call('whoami')).structuredContent;
    const second = (await talk.call('whoami')).structuredContent;
    expect(first?.principal).toBe('owner');
    expect(first?.bridge).toBe(second?.bridge);
    expect(String(first?.call)).toMatch(new RegExp(`^${first?.bridge}:`));
    expect(first?.call).not.toBe(second?.call);
  });

  test('is told the field, the value, what is allowed and what to do next', async () => {
    const wrong = await talk.call('accept', { tasks: [{ body: 'x', priorty: 'high' }, { body: 7 }] });
    expect(wrong.isError).toBe(true);
    const refusal = JSON.parse(wrong.content[0]?.text ?? '') as Record<string, string>;
    expect(Object.keys(refusal)).toEqual(['code', 'message', 'hint']);
    expect(refusal.code).toBe('invalid');
    expect(refusal.message).toContain('unknown argument "tasks[0].priorty", did you mean "priority"?');
    expect(refusal.message).toContain('"tasks[1].body" is 7; allowed: string');
    expect(refusal.hint).toContain('call accept again');
  });

  test('gets a refusal and a bug of a tool as a readable error', async () => {
    const refused = await talk.call('accept', { tasks: [] });
    expect(refused.isError).toBe(true);
    expect(JSON.parse(refused.content[0]?.text ?? '')).toEqual({
      code: 'not_possible',
      message: 'There is nothing to take.',
      hint: 'Call accept with one.',
    });
    const bug = await talk.call('broken');
    expect(JSON.parse(bug.content[0]?.text ?? '')).toMatchObject({
      code: 'unavailable',
      message: 'broken failed: a bug',
    });
  });

  test('that misspells a tool is told its name', async () => {
    await expect(talk.call('ekho')).rejects.toThrow(/There is no tool ekho\. Did you mean echo\?/);
  });

  test('that cancels a call ends it in the runtime', async () => {
    const ending = new AbortController();
    const call = talk.call('linger', { ms: 60_000, trace: 'trace' }, { signal: ending.signal });
    const ended = expect(call).rejects.toThrow();
    await until(() => world.lines('trace').includes('began'));
    ending.abort();
    await ended;
    await until(() => world.lines('trace').includes('cancelled'));
  });

  test('reads resources, by template too, and completes their variables', async () => {
    expect(await talk.read('queue://inbox')).toMatchObject({
      contents: [{ uri: 'queue://inbox', mimeType: 'text/markdown', text: '# Inbox\n' }],
    });
    expect(await talk.read('task://my%20shop/a')).toMatchObject({ contents: [{ text: 'my shop / a' }] });
    expect(await talk.templates()).toMatchObject([{ uriTemplate: 'task://{project}/{id}', title: 'Task' }]);
    expect(await talk.complete('task://{project}/{id}', 'project', 'sh')).toEqual(['shop', 'shed']);
    expect(await talk.complete('task://{project}/{id}', 'id', '', { project: 'lab' })).toEqual(['lab-1', 'lab-2']);
  });

  test('asking for a resource that is not there gets -32602 with its address', async () => {
    const missing = { code: -32602, data: { uri: 'task://shop/none' } };
    await expect(talk.read('task://shop/none')).rejects.toMatchObject(missing);
    await expect(talk.read('queue://nowhere')).rejects.toMatchObject({ code: -32602 });
  });

  test('hears of changes to what it subscribed to, from the next runtime as well', async () => {
    const seen = await talk.updates('queue://inbox');
    await until(() => seen.length > 1);
    const before = world.owner() ?? 0;
    process.kill(before, 'SIGKILL');
    await until(() => world.owner() !== undefined && world.owner() !== before);
    const count = seen.length;
    await until(() => seen.length > count + 1);
    expect(new Set(seen)).toEqual(new Set(['queue://inbox']));
  });
});

test('an attempt’s client is known by its token, and one with a foreign token gets nothing', async () => {
  const world = new World();
  const open = async (token: string): Promise<OldClient> => {
    const client = new OldClient(info);
    const env = { ...world.env, YARDMASTER_ATTEMPT_TOKEN: token };
    await client.connect(new OldStdio({ command: process.execPath, args: [standIn, 'mcp'], env }));
    return client;
  };
  const client = await open('secret');
  const { structuredContent } = await client.callTool({ name: 'whoami' });
  expect(structuredContent).toMatchObject({ principal: 'attempt', name: 'attempt of a' });
  await client.close();
  await expect(open('stolen')).rejects.toThrow(/belongs to no attempt/);
  const log = readFileSync(join(world.home.logs, 'runtime.log'), 'utf8');
  expect(log).not.toContain('stolen');
  await world.end();
});
