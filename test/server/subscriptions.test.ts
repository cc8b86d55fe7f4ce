import { expect, test } from 'vitest';
import { resources } from '../../src/resources/index.ts';
import type { Caller } from '../../src/runtime/yard.ts';
import { nameOf, patternsOf, Reader } from '../../src/server/reader.ts';
import { grantedIn, Subscriptions } from '../../src/server/subscriptions.ts';
import { Desk, OWNER } from '../tools/desk.ts';

async function subscriptions(whose: (desk: Desk) => Caller = () => OWNER) {
  const desk = new Desk();
  await desk.enqueue('build');
  await desk.enqueue('post', { project: 'blog' });
  const context = { yard: desk.yard, caller: whose(desk) };
  const reader = new Reader(patternsOf(resources), async () => context);
  return { desk, asked: new Subscriptions((uri) => nameOf(uri, reader, context)) };
}

const acknowledged = (id: number, uris?: readonly string[]) => ({
  jsonrpc: '2.0',
  method: 'notifications/subscriptions/acknowledged',
  params: {
    _meta: { 'io.modelcontextprotocol/subscriptionId': id },
    notifications: uris === undefined ? { toolsListChanged: true } : { resourceSubscriptions: uris },
  },
});

test('a change is told under each address that was written for it', async () => {
  const { desk, asked } = await subscriptions();
  const { project } = desk.ref('build');
  const written = ['task://shop/build', `task://${project}/build`, 'task://sh%6fp/build', 'queue://inbox'];
  for (const uri of written) asked.add(uri, [uri]);
  expect(asked.among(['task://shop/build', 'queue://done']).sort()).toEqual(written.slice(0, 3).sort());
  asked.remove('task://sh%6fp/build');
  expect(asked.among(['task://shop/build'])).toHaveLength(2);
});

test('a project that is not known yet is asked for by its name', async () => {
  const { asked } = await subscriptions();
  asked.add('a', ['queue://tomorrow/inbox']);
  expect(asked.among(['queue://tomorrow/inbox'])).toEqual(['queue://tomorrow/inbox']);
});

test('an attempt hears nothing of other projects, however it writes them', async () => {
  const { desk, asked } = await subscriptions((at) => ({
    ...{ principal: 'attempt', name: 'a', task: at.ref('build'), depth: 0 },
  }));
  const other = desk.ref('post', 'blog').project;
  asked.add('a', ['queue://blog/inbox', `queue://${other}/inbox`, 'task://blog/post', 'queue://shop/inbox']);
  expect(asked.among(['queue://blog/inbox', 'task://blog/post', 'queue://shop/inbox'])).toEqual(['queue://shop/inbox']);
});

test('what the newer protocol grants is read from its acknowledgement', () => {
  expect(grantedIn(acknowledged(7, ['queue://inbox']))).toEqual({ id: '7', uris: ['queue://inbox'] });
  expect(grantedIn(acknowledged(7))).toEqual({ id: '7', uris: [] });
  expect(grantedIn({ jsonrpc: '2.0', method: 'notifications/progress', params: {} })).toBeUndefined();
});
