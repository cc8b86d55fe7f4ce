import { expect, test } from 'vitest';
import type { Message } from '../../src/jsonrpc.ts';
import { prompts } from '../../src/prompts/index.ts';
import { resources } from '../../src/resources/index.ts';
import type { Yard } from '../../src/runtime/yard.ts';
import { identify } from '../../src/server/identify.ts';
import { mcpHost } from '../../src/server/mcp.ts';
import { listingOf } from '../../src/server/offer.ts';
import { tools } from '../../src/tools/index.ts';
import { MemoryYard } from '../fakes/memory-yard.ts';
import { until } from '../support/world.ts';
import { OWNER } from '../tools/desk.ts';

/* Whether a client has to ask its user before it answers an agent is said in the list of tools, connection by connection. */

const log = { debug() {}, info() {}, warn() {}, error() {} };

function client(yard: Promise<Yard>) {
  const heard: Message[] = [];
  const listing = listingOf({ version: '1', tools, resources, prompts, instructions: '' });
  const send = (message: Message) => void heard.push(message);
  const connection = mcpHost({ default: listing, worker: listing }, { yard: () => yard, log }).connect(
    Promise.resolve(OWNER),
    { ...{ send, ended() {}, congested: false } },
  );
  let id = 0;
  const say = (method: string, params: object = {}) =>
    connection.deliver({ jsonrpc: '2.0', method, params } as Message);
  const ask = async (method: string, params: object = {}): Promise<Message> => {
    id += 1;
    const mine = id;
    connection.deliver({ jsonrpc: '2.0', id: mine, method, params } as Message);
    await until(() => heard.some((one) => one.id === mine));
    return heard.find((one) => one.id === mine) as Message;
  };
  return {
    heard,
    close: () => connection.close(),
    async begin() {
      const clientInfo = { name: 'test', version: '1' };
      await ask('initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo });
      say('notifications/initialized');
    },
    async asksAPerson(): Promise<boolean> {
      const { result } = (await ask('tools/list')) as { result?: { tools: { name: string; _meta?: object }[] } };
      const answer = result?.tools.find(({ name }) => name === 'answer_request');
      return answer?._meta !== undefined && 'anthropic/requiresUserInteraction' in answer._meta;
    },
  };
}

test('it has to, unless the configuration of this moment trusts it', async () => {
  const yard = new MemoryYard();
  const one = client(Promise.resolve(yard));
  await one.begin();
  expect(await one.asksAPerson()).toBe(true);
  Object.assign(yard.config, { orchestrator_may_answer: ['Bash(git *)'] });
  expect(await one.asksAPerson()).toBe(false);
  one.close();
});

test('as long as the configuration is not known it has to, and it hears when that changes', async () => {
  let recovered: (yard: Yard) => void = () => {};
  const one = client(
    new Promise((resolve) => {
      recovered = resolve;
    }),
  );
  await one.begin();
  expect(await one.asksAPerson()).toBe(true);
  recovered(new MemoryYard({ orchestrator_may_answer: true }));
  await until(() => one.heard.some(({ method }) => method === 'notifications/tools/list_changed'));
  expect(await one.asksAPerson()).toBe(false);
  one.close();
});

test('who is at the command line is known by its hello, and is never more than the owner', async () => {
  const attempt = { principal: 'attempt', name: 'a', task: {} as never, depth: 0 } as const;
  const known = async () => ({
    caller: (token: string) => (token === 't' ? attempt : undefined),
    sessionCaller: (session: string) => (session === 's' ? attempt : undefined),
  });
  const who = (hello: object) => identify({ bridge: 'b', ...hello }, known);
  expect(await who({ person: true })).toMatchObject({ principal: 'owner', person: true });
  expect(await who({ person: false })).toMatchObject({ principal: 'owner', person: false });
  expect(await who({})).not.toHaveProperty('person');
  expect(await who({ person: true, token: 't' })).toEqual({ ...attempt, bridge: 'b' });
  expect(await who({ person: true, claude_session: 's' })).toEqual({ ...attempt, bridge: 'b' });
});
