import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client as NewClient, StreamableHTTPClientTransport as NewHttp } from '@modelcontextprotocol/client';
import { StdioClientTransport as NewStdio } from '@modelcontextprotocol/client/stdio';
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StdioClientTransport as OldStdio } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as OldHttp } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  ResourceListChangedNotificationSchema,
  ResourceUpdatedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { until } from '../support/world.ts';
import type { Called, Era, World } from './world.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** This build under another version number; the path of its program. */
export function buildOf(world: World, version: string): string {
  const dir = join(world.root, `build-${version}`);
  mkdirSync(dir);
  cpSync(join(root, 'dist'), join(dir, 'dist'), {
    recursive: true,
    filter: (path) => !path.endsWith('for-tests'),
  });
  const about = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as object;
  writeFileSync(join(dir, 'package.json'), JSON.stringify({ ...about, version }));
  symlinkSync(join(root, 'node_modules'), join(dir, 'node_modules'));
  return join(dir, 'dist', 'main.js');
}

export interface Step {
  readonly progress: number;
  readonly total?: number | undefined;
  readonly message?: string | undefined;
}

/** A client that listens: to lists, to what it subscribes to, and to the progress of its calls. */
export interface Ear {
  /** Addresses that changed, `list` for the list of resources. */
  readonly heard: string[];
  /** Of its bridge; 0 without one. */
  readonly pid: number;
  subscribe(uri: string): Promise<unknown>;
  resources(): Promise<string[]>;
  call<T>(tool: string, args?: Record<string, unknown>, steps?: Step[]): Promise<T>;
  prompts(): Promise<string[]>;
  prompt(name: string, args?: Record<string, string>): Promise<readonly { content: unknown }[]>;
  complete(prompt: string, argument: string, typed: string): Promise<string[]>;
  close(): Promise<void>;
}

const info = { name: 'story', version: '1' };

const builtHere = join(root, 'dist', 'main.js');

/** On a bridge of its own. */
export async function listen(
  world: World,
  era: Era,
  { main = builtHere, args = ['mcp'] }: { main?: string; args?: readonly string[] } = {},
): Promise<Ear> {
  const program = { command: process.execPath, args: [main, ...args], env: world.env };
  const transport = era === 'old' ? new OldStdio(program) : new NewStdio(program);
  const ear = transport instanceof OldStdio ? await older(transport) : await newer(transport);
  return { ...ear, pid: transport.pid ?? 0 };
}

/** Over HTTP, to a runtime that runs. */
export async function listenOverHttp(world: World, way: 'old' | 'new' | 'sse'): Promise<Ear> {
  const log = (): string => readFileSync(join(world.home, 'logs', 'runtime.log'), 'utf8');
  const place = (): string | undefined => /"url":"([^"]+)","msg":"listening for HTTP"/.exec(log())?.[1];
  await until(() => place() !== undefined);
  const token = readFileSync(join(world.home, 'token'), 'utf8').trim();
  const requestInit = { headers: { authorization: `Bearer ${token}` } };
  const url = new URL('/mcp', place());
  if (way === 'new') return newer(new NewHttp(url, { requestInit }));
  const transport =
    way === 'old' ? new OldHttp(url, { requestInit }) : new SSEClientTransport(new URL('/sse', url), { requestInit });
  return older(transport as Parameters<OldClient['connect']>[0]);
}

async function older(transport: Parameters<OldClient['connect']>[0]): Promise<Ear> {
  const client = new OldClient(info);
  const heard: string[] = [];
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => void heard.push(params.uri));
  client.setNotificationHandler(ResourceListChangedNotificationSchema, () => void heard.push('list'));
  await client.connect(transport);
  return {
    heard,
    pid: 0,
    subscribe: (uri) => client.subscribeResource({ uri }),
    resources: async () => (await client.listResources()).resources.map(({ uri }) => uri),
    call: async (name, args = {}, steps) =>
      structured(
        await client.callTool({ name, arguments: args }, undefined, {
          timeout: 120_000,
          ...(steps && { onprogress: (step: Step) => void steps.push(step) }),
        }),
      ),
    prompts: async () => (await client.listPrompts()).prompts.map(({ name }) => name),
    prompt: async (name, args = {}) => (await client.getPrompt({ name, arguments: args })).messages,
    complete: async (name, argument, value) => {
      const ref = { type: 'ref/prompt' as const, name };
      return (await client.complete({ ref, argument: { name: argument, value } })).completion.values;
    },
    close: () => client.close(),
  };
}

async function newer(transport: Parameters<NewClient['connect']>[0]): Promise<Ear> {
  const client = new NewClient(info, { versionNegotiation: { mode: 'auto' } });
  const heard: string[] = [];
  client.setNotificationHandler('notifications/resources/updated', ({ params }) => void heard.push(params.uri));
  client.setNotificationHandler('notifications/resources/list_changed', () => void heard.push('list'));
  await client.connect(transport);
  await client.listen({ resourcesListChanged: true });
  return {
    heard,
    pid: 0,
    subscribe: (uri) => client.listen({ resourceSubscriptions: [uri] }),
    resources: async () => (await client.listResources()).resources.map(({ uri }) => uri),
    call: async (name, args = {}, steps) =>
      structured(
        await client.callTool(
          { name, arguments: args },
          { timeout: 120_000, ...(steps && { onprogress: (step: Step) => void steps.push(step) }) },
        ),
      ),
    prompts: async () => (await client.listPrompts()).prompts.map(({ name }) => name),
    prompt: async (name, args = {}) => (await client.getPrompt({ name, arguments: args })).messages,
    complete: async (name, argument, value) => {
      const ref = { type: 'ref/prompt' as const, name };
      return (await client.complete({ ref, argument: { name: argument, value } })).completion.values;
    },
    close: () => client.close(),
  };
}

function structured<T>(answer: unknown): T {
  const { isError, content, structuredContent } = answer as Called;
  if (isError) throw new Error(content[0]?.text);
  return structuredContent as T;
}
