import { expect, test } from 'vitest';
import type { Event, JournalRecord } from '../../src/runtime/model/event.ts';
import { ProjectId, TaskId } from '../../src/runtime/model/ids.ts';
import type { Caller, Yard } from '../../src/runtime/yard.ts';
import { Telling } from '../../src/server/telling.ts';

const shop = ProjectId.parse('p_0123456789ab');
const other = ProjectId.parse('p_ba9876543210');
const OWNER: Caller = { principal: 'owner', name: 'test' };

interface Message {
  readonly level: string;
  readonly logger: string;
  readonly data: { readonly type: string; readonly task?: string; readonly count?: number };
}

function client(caller: Caller, level: 'info' | 'warning') {
  const heard: Message[] = [];
  const followers = new Set<(record: JournalRecord) => void>();
  const state = { congested: false };
  let seq = 0;
  const yard = {
    follow: (listener: (record: JournalRecord) => void) => {
      followers.add(listener);
      return () => followers.delete(listener);
    },
    projectName: (id: ProjectId) => (id === shop ? 'shop' : 'other'),
  } as unknown as Yard;
  const telling = new Telling(
    {
      server: { notification: async ({ params }) => void heard.push(params as unknown as Message) },
      ...{ yard, caller, congested: () => state.congested, failed: () => {} },
    },
    level,
  );
  const commit = (...events: Event[]) => {
    seq++;
    const record = { seq, at: 0, type: '', cause: { by: 'runner' }, events } as JournalRecord;
    for (const follower of followers) follower(record);
  };
  return { heard, telling, commit, state, followers };
}

const started = (id: string, project = shop): Event => ({
  ...{ type: 'attempt_started', project, id: TaskId.parse(id), attempt: 1 },
});
const paused: Event = { type: 'paused', kind: 'pause', reason: 'lunch' };
const rejected: Event = {
  ...{ type: 'drop_rejected', project: shop, name: 'a.md', failed_as: 'a.md', reason: 'no body', size: 1 },
};

test('a client hears what its level lets through, and nothing after it has gone', () => {
  const { heard, telling, commit, followers } = client(OWNER, 'warning');
  commit(started('t1'), rejected);
  telling.level = 'info';
  commit(started('t2'), paused);
  expect(heard.map(({ level, data }) => [level, data.type])).toEqual([
    ['warning', 'drop_rejected'],
    ['info', 'task_dispatched'],
    ['info', 'paused'],
  ]);
  expect(heard[0]?.logger).toBe('yardmaster');
  telling.stop();
  expect(followers.size).toBe(0);
});

test('one that does not read is told how many it missed, with the next that it gets', () => {
  const { heard, commit, state } = client(OWNER, 'info');
  commit(started('t1'));
  state.congested = true;
  for (let n = 2; n <= 101; n++) commit(started(`t${n}`));
  expect(heard).toHaveLength(1);
  state.congested = false;
  commit(started('t102'));
  expect(heard.slice(1).map(({ data }) => data)).toMatchObject([
    { type: 'gap', from: 2, to: 101, count: 100 },
    { type: 'task_dispatched', task: 't102' },
  ]);
});

test('an attempt hears of its own project alone', () => {
  const task = { project: shop, id: TaskId.parse('t1') };
  const { heard, commit } = client({ principal: 'attempt', name: 'a', task, depth: 0 }, 'info');
  commit(started('t1'), started('t2', other), paused);
  expect(heard.map(({ data }) => data.task)).toEqual(['t1']);
});
