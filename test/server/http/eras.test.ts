import { Client as NewClient, StreamableHTTPClientTransport as NewHttp } from '@modelcontextprotocol/client';
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport as OldHttp } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ResourceUpdatedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { until } from '../../support/world.ts';
import { Http, TOKEN } from './world.ts';

interface Called {
  readonly isError?: boolean;
  readonly structuredContent?: Record<string, unknown>;
}

/** The part of each client that these stories need. */
interface Talk {
  tools(): Promise<string[]>;
  call(name: string, args?: Record<string, unknown>, signal?: AbortSignal): Promise<Called>;
  read(uri: string): Promise<unknown>;
  updates(uri: string): Promise<string[]>;
  close(): Promise<void>;
}

const info = { name: 'test', version: '1' };
const requestInit = { headers: { authorization: `Bearer ${TOKEN}` } };

async function older(transport: OldHttp | SSEClientTransport): Promise<Talk> {
  const client = new OldClient(info);
  await client.connect(transport as Parameters<OldClient['connect']>[0]);
  return {
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, args = {}, signal) =>
      (await client.callTool({ name, arguments: args }, undefined, signal ? { signal } : {})) as Called,
    read: (uri) => client.readResource({ uri }),
    updates: async (uri) => {
      const seen: string[] = [];
      client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => void seen.push(params.uri));
      await client.subscribeResource({ uri });
      return seen;
    },
    close: () => client.close(),
  };
}

async function newer(url: URL, mode: 'auto' | 'legacy'): Promise<Talk> {
  const client = new NewClient(info, { versionNegotiation: { mode } });
  await client.connect(new NewHttp(url, { requestInit }));
  return {
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, args = {}, signal) =>
      (await client.callTool({ name, arguments: args }, signal ? { signal } : {})) as Called,
    read: (uri) => client.readResource({ uri }),
    updates: async (uri) => {
      const seen: string[] = [];
      client.setNotificationHandler('notifications/resources/updated', ({ params }) => void seen.push(params.uri));
      if (mode === 'auto') await client.listen({ resourceSubscriptions: [uri] });
      else await client.subscribeResource({ uri });
      return seen;
    },
    close: () => client.close(),
  };
}

const eras: [string, (http: Http) => Promise<Talk>][] = [
  ['2026-07-28, client 2', ({ url }) => newer(url, 'auto')],
  ['2025-11-25, client 2', ({ url }) => newer(url, 'legacy')],
  ['2025-11-25, client 1', ({ url }) => older(new OldHttp(url, { requestInit }))],
  ['HTTP+SSE, client 1', ({ url }) => older(new SSEClientTransport(new URL('/sse', url), { requestInit }))],
];

describe.each(eras)('a client of %s', (_name, connect) => {
  let http: Http;
  let talk: Talk;
  beforeEach(async () => {
    http = await Http.open();
    talk = await connect(http);
  });
  afterEach(async () => {
    await talk.close();
    await http.close(0);
  });

  test('lists, calls and reads', async () => {
    expect(await talk.tools()).toEqual(['echo', 'whoami', 'linger', 'accept', 'broken']);
    expect((await talk.call('echo', { text: 'Grüße 🌿' })).structuredContent).toMatchObject({ text: 'Grüße 🌿' });
    expect((await talk.call('whoami')).structuredContent).toMatchObject({ principal: 'owner' });
    expect((await talk.call('accept', { tasks: [] })).isError).toBe(true);
    expect(await talk.read('queue://inbox')).toMatchObject({ contents: [{ text: '# Inbox\n' }] });
    await expect(talk.read('queue://nowhere')).rejects.toMatchObject({ code: -32602 });
  });

  test('hears of changes to what it subscribed to, and of nothing else', async () => {
    const seen = await talk.updates('queue://inbox');
    await until(() => {
      http.server.changed(['task://shop/1', 'queue://inbox']); // its stream may not be open yet
      return seen.length > 1;
    });
    expect(new Set(seen)).toEqual(new Set(['queue://inbox']));
  });

  test('many calls at once each get their own answer', async () => {
    const texts = Array.from({ length: 30 }, (_, i) => `text ${i}`);
    const answers = await Promise.all(texts.map((text) => talk.call('echo', { text })));
    expect(answers.map(({ structuredContent }) => structuredContent?.text)).toEqual(texts);
  });
});
