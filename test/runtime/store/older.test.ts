import { expect, test } from 'vitest';
import { Event } from '../../../src/runtime/model/event.ts';
import { holdKey, pausedAt } from '../../../src/runtime/model/hold.ts';
import type { ProjectId } from '../../../src/runtime/model/ids.ts';
import { State } from '../../../src/runtime/store/state.ts';

/* What versions before holds, tries, workers and limits that change at run time have written. */

const SHOP = 'p_000000000001' as ProjectId;
const body = { segment: '0000000000000001.jsonl', offset: 0, length: 9 };
const TASK = {
  ...{ project: SHOP, id: 'build', title: 'Build it', sha: 'x', size: 3, body, source: 'call' },
  ...{ enqueued_by: 'owner', depth: 0, queued_at: 1, changed_at: 2, changed_seq: 2, seq: 100_000 },
  ...{ attempt: 2, spent: 1, waits_for: [], state: 'queued' },
  spec: { priority: 'default', tags: [], depends_on: [], on_dependency_failure: 'fail', workspace: 'project' },
};
const OLD = {
  seq: 2,
  projects: [{ id: SHOP, path: '/shop', name: 'shop', adopted_at: 1 }],
  open: [TASK],
  finished: [],
  ended: [[SHOP, { done: 1, failed: 0, cancelled: 0 }]],
  keys: [],
  replies: [],
  pausedAll: 'night',
  pausedProjects: [[SHOP, 'lunch']],
};

const read = (json: object) => State.from(JSON.parse(JSON.stringify(json)) as Parameters<typeof State.from>[0]);

test('an older snapshot is read, its pauses are holds, and it is written as one of today', () => {
  const state = read(OLD);
  const { all, projects, holds } = pausedAt(state.holds, Date.now());
  expect({ all, projects: [...projects] }).toEqual({ all: true, projects: [SHOP] });
  expect(holds.map(({ reason, kind, by }) => [reason, kind, by])).toEqual([
    ['night', 'pause', 'owner'],
    ['lunch', 'pause', 'owner'],
  ]);
  expect([...state.open.values()]).toMatchObject([{ id: 'build', attempt: 2, spent: 1 }]);
  expect([...state.open.values()][0]).not.toHaveProperty('tries');
  expect([state.workers.size, state.quota.changes.size, state.quota.told.size, state.profiles.size]).toEqual([
    0, 0, 0, 0,
  ]);
  const again = read(state.toJSON());
  expect(again.toJSON()).toEqual(state.toJSON());
  const { pausedAll: _, pausedProjects: __, ...free } = OLD;
  expect(read(free).holds.size).toBe(0);
});

test('an older journal is read: a pause of two words, an end without tries, a claim without a program', () => {
  const state = read({ ...OLD, pausedAll: undefined, pausedProjects: undefined });
  const ref = { project: SHOP, id: 'build', attempt: 3 };
  const route = { to: 'agent', agent: 'worker', kind: 'command', rules: [] };
  const lines = [
    { type: 'paused', project: SHOP, reason: 'lunch' },
    { type: 'resumed', project: SHOP },
    { type: 'paused', reason: 'night' },
    { type: 'task_claimed', ...ref, token: 't', route, sha: 'x' },
    { type: 'attempt_started', ...ref },
    { type: 'task_requeued', ...ref, error_class: 'crash', reason: 'oops', not_before: 5, spent: true },
  ];
  for (const [n, line] of lines.entries()) {
    const events = [Event.parse(JSON.parse(JSON.stringify(line)))];
    state.apply({ seq: 3 + n, at: 10 + n, cause: { by: 'owner' }, events } as Parameters<State['apply']>[0], body);
  }
  expect([...state.holds]).toMatchObject([[holdKey({ of: 'fleet' }), { kind: 'pause', reason: 'night', at: 12 }]]);
  expect([...state.open.values()]).toMatchObject([{ state: 'queued', attempt: 3, tries: [{ attempt: 3 }] }]);
});
