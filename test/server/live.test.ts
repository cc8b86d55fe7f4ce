import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client as NewClient } from '@modelcontextprotocol/client';
import { StdioClientTransport as NewStdio } from '@modelcontextprotocol/client/stdio';
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as OldStdio } from '@modelcontextprotocol/sdk/client/stdio.js';
import {
  ResourceListChangedNotificationSchema,
  ResourceUpdatedNotificationSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { standIn, until, World } from '../support/world.ts';

// Many processes on a busy machine: nothing here measures time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

/** A client that listens to lists, and what it heard. */
interface Ear {
  readonly heard: string[];
  readonly capabilities: object | undefined;
  subscribe(uri: string): Promise<unknown>;
  tools(): Promise<string[]>;
  close(): Promise<void>;
}

const info = { name: 'test', version: '1' };
const program = (world: World) => ({ command: process.execPath, args: [standIn, 'mcp'], env: world.env });

async function older(world: World): Promise<Ear> {
  const client = new OldClient(info);
  const heard: string[] = [];
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => void heard.push(params.uri));
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => void heard.push('tools'));
  client.setNotificationHandler(ResourceListChangedNotificationSchema, () => void heard.push('resources'));
  await client.connect(new OldStdio(program(world)));
  return {
    heard,
    capabilities: client.getServerCapabilities(),
    subscribe: (uri) => client.subscribeResource({ uri }),
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    close: () => client.close(),
  };
}

async function newer(world: World): Promise<Ear> {
  const client = new NewClient(info, { versionNegotiation: { mode: 'auto' } });
  const heard: string[] = [];
  client.setNotificationHandler('notifications/resources/updated', ({ params }) => void heard.push(params.uri));
  client.setNotificationHandler('notifications/tools/list_changed', () => void heard.push('tools'));
  client.setNotificationHandler('notifications/resources/list_changed', () => void heard.push('resources'));
  await client.connect(new NewStdio(program(world)));
  await client.listen({ toolsListChanged: true, resourcesListChanged: true });
  return {
    heard,
    capabilities: client.getServerCapabilities(),
    subscribe: (uri) => client.listen({ resourceSubscriptions: [uri] }),
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    close: () => client.close(),
  };
}

describe.each([
  { era: 'before 2026-07-28', open: older },
  { era: '2026-07-28', open: newer },
])('a client that speaks $era', ({ open }) => {
  let world: World;
  let ear: Ear | undefined;
  beforeEach(async () => {
    world = new World();
  });
  afterEach(async () => {
    await ear?.close();
    await world.end();
  });

  async function quietly(): Promise<Ear> {
    const child = world.run(['serve', '--background']);
    await until(() => world.lines('starts').length === 1);
    child.kill('SIGKILL');
    writeFileSync(join(world.home.dir, 'quiet'), ''); // from the next runtime on
    ear = await open(world);
    await ear.tools();
    return ear;
  }

  async function nextRuntime(): Promise<void> {
    const starts = world.lines('starts').length;
    process.kill(world.owner() ?? 0, 'SIGKILL');
    await until(() => world.lines('starts').length > starts);
  }

  test('is told that lists can change and resources can be subscribed to', async () => {
    ear = await open(world);
    expect(ear.capabilities).toMatchObject({
      tools: { listChanged: true },
      resources: { subscribe: true, listChanged: true },
    });
  });

  test('is told once of each address that it subscribed to when another runtime takes over, and of nothing before', async () => {
    const { heard, subscribe } = await quietly();
    await subscribe('queue://inbox');
    await subscribe('task://shop/1');
    await sleep(300); // a runtime that told something now would have done so
    expect(heard).toEqual([]);
    await nextRuntime();
    await until(() => heard.length >= 2);
    await sleep(300);
    expect(heard.sort()).toEqual(['queue://inbox', 'task://shop/1']);
  });

  test('hears of changes under the address that it wrote', async () => {
    ear = await open(world);
    await ear.subscribe('task://sh%6Fp/1');
    await until(() => (ear?.heard.length ?? 0) > 0);
    expect(new Set(ear.heard)).toEqual(new Set(['task://sh%6Fp/1']));
  });

  test('is told when the next runtime has other tools, and only then', async () => {
    const { heard, tools } = await quietly();
    expect(await tools()).toContain('linger');
    await sleep(300); // its lists have reached the bridge
    await nextRuntime();
    await tools();
    await sleep(300);
    expect(heard).toEqual([]);
    writeFileSync(join(world.home.dir, 'fewer-tools'), '');
    await nextRuntime();
    await until(() => heard.length > 0);
    expect(new Set(heard)).toEqual(new Set(['tools']));
    expect(await tools()).not.toContain('linger');
  });
});

test('an older client that subscribes to what is no address is told so', async () => {
  const world = new World();
  const ear = await older(world);
  await expect(ear.subscribe('queue://nowhere')).rejects.toMatchObject({ code: -32602 });
  await ear.close();
  await world.end();
});
