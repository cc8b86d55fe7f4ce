import { expect, test } from 'vitest';
import { Conversation } from '../../src/bridge/conversation.ts';

const say = (message: object): string => JSON.stringify({ jsonrpc: '2.0', ...message });
const request = (id: number | string, method: string, params: object = {}): string => say({ id, method, params });
const answer = (id: number | string, result: unknown = {}): string => say({ id, result });
const parsed = (lines: readonly string[]): unknown[] => lines.map((line) => JSON.parse(line));

function greeted(): Conversation {
  const talk = new Conversation();
  talk.fromClient(request(0, 'initialize', { protocolVersion: '2025-11-25' }));
  talk.fromRuntime(answer(0));
  talk.fromClient(say({ method: 'notifications/initialized' }));
  return talk;
}

test('an answer is passed on once; a second one, or one to nothing, is dropped', () => {
  const talk = greeted();
  talk.fromClient(request(1, 'tools/call'));
  expect(talk.waiting).toBe(1);
  expect(talk.fromRuntime(answer(1))).toBe(answer(1));
  expect(talk.fromRuntime(answer(1))).toBeUndefined();
  expect(talk.fromRuntime(answer(77))).toBeUndefined();
  expect(talk.waiting).toBe(0);
});

test('number 1 and string "1" are two requests', () => {
  const talk = greeted();
  talk.fromClient(request(1, 'a'));
  talk.fromClient(request('1', 'b'));
  expect(talk.fromRuntime(answer('1'))).toBe(answer('1'));
  expect(talk.waiting).toBe(1);
});

test('the next runtime gets the handshake under another id, the subscriptions, then the open requests in order', () => {
  const talk = greeted();
  talk.fromClient(request(1, 'resources/subscribe', { uri: 'queue://inbox' }));
  talk.fromClient(request(2, 'resources/subscribe', { uri: 'queue://done' }));
  talk.fromRuntime(answer(1));
  talk.fromRuntime(answer(2));
  talk.fromClient(request(9, 'logging/setLevel', { level: 'info' }));
  talk.fromRuntime(answer(9));
  talk.fromClient(request(3, 'resources/unsubscribe', { uri: 'queue://done' }));
  talk.fromRuntime(answer(3));
  talk.fromClient(request(4, 'tools/call', { name: 'a' }));
  talk.fromClient(request(5, 'tools/call', { name: 'b' }));
  const { lines, answers } = talk.takeUp();
  expect(answers).toEqual([]);
  expect(parsed(lines)).toMatchObject([
    { method: 'initialize', id: 'yardmaster-again-1', params: { protocolVersion: '2025-11-25' } },
    { method: 'notifications/initialized' },
    { method: 'resources/subscribe', id: 'yardmaster-again-2', params: { uri: 'queue://inbox' } },
    { method: 'logging/setLevel', id: 'yardmaster-again-3', params: { level: 'info' } },
    { method: 'tools/call', id: 4 },
    { method: 'tools/call', id: 5 },
  ]);
  expect(talk.fromRuntime(answer('yardmaster-again-1'))).toBeUndefined();
  expect(talk.fromRuntime(answer('yardmaster-again-2'))).toBeUndefined();
});

test('an initialize that was never answered is sent as it was, once', () => {
  const talk = new Conversation();
  talk.fromClient(request(0, 'initialize'));
  expect(parsed(talk.takeUp().lines)).toMatchObject([{ id: 0, method: 'initialize' }]);
  expect(talk.fromRuntime(answer(0))).toBe(answer(0));
});

test('what the client cancelled is not asked again', () => {
  const talk = greeted();
  talk.fromClient(request(1, 'tools/call'));
  talk.fromClient(say({ method: 'notifications/cancelled', params: { requestId: 1 } }));
  expect(talk.waiting).toBe(0);
  expect(parsed(talk.takeUp().lines)).toHaveLength(2);
});

test('a subscription of the newer protocol goes on: its end is kept back, its second acknowledgement too', () => {
  const talk = new Conversation();
  const acknowledged = say({
    method: 'notifications/subscriptions/acknowledged',
    params: { _meta: { 'io.modelcontextprotocol/subscriptionId': 'sub' } },
  });
  talk.fromClient(request('sub', 'subscriptions/listen'));
  expect(talk.waiting).toBe(0);
  expect(talk.fromRuntime(acknowledged)).toBe(acknowledged);
  expect(talk.fromRuntime(answer('sub', { resultType: 'complete' }))).toBeUndefined();
  expect(parsed(talk.takeUp().lines)).toMatchObject([{ id: 'sub', method: 'subscriptions/listen' }]);
  expect(talk.fromRuntime(acknowledged)).toBeUndefined();

  const refused = say({ id: 'sub', error: { code: -32603, message: 'no' } });
  expect(talk.fromRuntime(refused)).toBe(refused);
  expect(talk.takeUp().lines).toEqual([]);
});

test('an answer to a runtime that is gone does not reach the next one', () => {
  const talk = greeted();
  talk.fromRuntime(request(0, 'roots/list'));
  talk.takeUp();
  expect(talk.fromClient(answer(0, { roots: [] }))).toBe(false);
  talk.fromRuntime(request(0, 'roots/list'));
  expect(talk.fromClient(answer(0, { roots: [] }))).toBe(true);
});

test('a client cannot say who it is', () => {
  expect(greeted().fromClient(say({ method: 'yardmaster/hello', params: { bridge: 'other' } }))).toBe(false);
});

test('a request that goes down with fifty runtimes is given up', () => {
  const talk = greeted();
  talk.fromClient(request(1, 'tools/call'));
  let answers: string[] = [];
  let times = 0;
  while (answers.length === 0) {
    answers = talk.takeUp().answers;
    times++;
  }
  expect(times).toBe(50);
  expect(parsed(answers)).toMatchObject([{ id: 1, error: { code: -32011 } }]);
  expect(talk.waiting).toBe(0);
});

test('without a runtime every open request is answered with the reason', () => {
  const talk = greeted();
  talk.fromClient(request(1, 'tools/call'));
  talk.fromClient(request('s', 'subscriptions/listen'));
  expect(parsed(talk.giveUp('see the log'))).toMatchObject([
    { id: 1, error: { message: 'see the log' } },
    { id: 's', error: { message: 'see the log' } },
  ]);
  expect(talk.waiting).toBe(0);
});
