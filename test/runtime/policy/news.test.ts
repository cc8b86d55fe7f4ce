import { describe, expect, it } from 'vitest';
import type { Event, JournalRecord } from '../../../src/runtime/model/event.ts';
import { TaskId } from '../../../src/runtime/model/ids.ts';
import type { ErrorClass } from '../../../src/runtime/model/spec.ts';
import type { Cause } from '../../../src/runtime/model/task.ts';
import { moreNews, newsOf } from '../../../src/runtime/policy/news.ts';
import { SHOP } from './fixtures.ts';

const AT = Date.UTC(2026, 10, 21, 3);
const at = '2026-11-21T03:00:00.000Z';

function news(events: Event[], by: Cause['by'] = 'runner') {
  const record: JournalRecord = { seq: 7, at: AT, type: 'any', cause: { by }, events };
  return newsOf(record, () => 'shop');
}

const failed = (id: string, error_class: ErrorClass, reason: string, more: object = {}): Event => ({
  ...{ type: 'task_finished', project: SHOP, id: TaskId.parse(id), attempt: 3, ...more },
  outcome: { state: 'failed', error_class, reason },
});
const paused = (more: object): Event => ({
  ...{ type: 'profile_paused', agent: 'claude', profile: 'work', why: 'limit', reason: 'weekly limit' },
  ...more,
});
const blocked = (more: object): Event => ({
  ...{ type: 'task_blocked', project: SHOP, id: TaskId.parse('login'), attempt: 1, session: 'shop-main' },
  ...{ on: 'permission', detail: 'Bash: npm publish' },
  ...more,
});

describe('news', () => {
  it('are that an agent waits for somebody', () => {
    const common = { what: 'blocked', task: 'login', project: 'shop', session: 'shop-main', at };
    expect(news([blocked({ request: 'r7' })])).toEqual([
      {
        ...{ ...common, request: 'r7', detail: 'permission: Bash: npm publish' },
        next: 'yardmaster approve r7, or deny; yardmaster attach shop-main',
      },
    ]);
    expect(news([blocked({ on: 'question', request: 'r8' })])).toMatchObject([
      { next: 'yardmaster answer r8; yardmaster attach shop-main' },
    ]);
    expect(news([blocked({ on: 'dialog', detail: 'trust' })])).toEqual([
      { ...common, detail: 'dialog: trust', next: 'yardmaster attach shop-main' },
    ]);
  });

  it('are that an account rests, and what a person can do', () => {
    expect(news([paused({ until: AT + 60_000 })])).toEqual([
      {
        ...{ what: 'limit', next: 'yardmaster profiles list', at },
        detail: 'account work of claude: weekly limit, until 2026-11-21T03:01:00.000Z',
      },
    ]);
    expect(news([paused({ why: 'login', reason: 'logged out' })])).toMatchObject([
      { what: 'login', next: 'see to its login, then yardmaster profiles resume claude work' },
    ]);
  });

  it('are not what a person did, nor a rest of seconds, nor what was found in files', () => {
    expect(news([paused({})], 'owner')).toEqual([]);
    expect(news([blocked({ on: 'interrupted', detail: 'Escape' })])).toEqual([]);
    expect(news([paused({ why: 'busy' })])).toEqual([]);
    expect(news([failed('old', 'crash', 'long ago', { from_file: true })])).toEqual([]);
    expect(news([{ type: 'profile_resumed', agent: 'claude', profile: 'work' }])).toEqual([]);
  });

  it('are that a task failed for good, with all that failed with it', () => {
    const events = [
      failed('build', 'crash', 'exit code 7'),
      failed('test', 'dependency', 'it depends on build'),
      failed('ship', 'dependency', 'it depends on test'),
    ];
    expect(news(events)).toEqual([
      {
        ...{ what: 'failed', task: 'build', project: 'shop', at },
        detail: 'crash: exit code 7; 2 that depend on it failed with it',
        next: 'yardmaster show shop/build; yardmaster retry shop/build',
      },
    ]);
    expect(news(events.slice(1))).toMatchObject([
      { task: 'test', detail: expect.stringMatching(/; 1 that depend on it/) },
    ]);
  });

  it('carry nothing that a terminal would act on, and no more than can be read', () => {
    const [one] = news([failed('build', 'crash', `\u001b]52;c;aGk=\u0007red\u001b[31m\nline ${'x'.repeat(9_999)}`)]);
    expect(one?.detail).toMatch(/^crash: red line x+$/);
    expect(one?.detail.length).toBe(500);
  });

  it('that were too many are told as one', () => {
    expect(
      moreNews(
        new Map([
          ['failed', 40],
          ['blocked', 2],
        ]),
        AT,
      ),
    ).toEqual({
      ...{ what: 'more', detail: '42 more: 40 failed, 2 blocked', next: 'yardmaster status', at },
    });
  });
});
