import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { spentBy } from '../../../src/runtime/model/books.ts';
import { Event } from '../../../src/runtime/model/event.ts';
import { ProjectId, TaskId } from '../../../src/runtime/model/ids.ts';
import { type ShownEvent, showEvents, shownIn } from '../../../src/runtime/model/shown-event.ts';
import type { OutcomeInput } from '../../../src/runtime/model/task.ts';
import { instead, namesLike } from '../../../src/runtime/model/told/names.ts';
import { EVENT_GROUPS, EVENT_NAMES, EVENTS, type EventName } from '../../../src/runtime/model/told/table.ts';
import { Told } from '../../fakes/allowance-state.ts';

const SHOP = ProjectId.parse('p_000000000001');
const ref = { project: SHOP, id: TaskId.parse('fix') };
const names = (id: string) => (id === SHOP ? 'shop' : 'another');
const NASTY = `\u001b[31mred\u001b[0m\n${'x'.repeat(5_000)}`;
const now = Date.UTC(2026, 10, 22);
const of = { of: 'model' as const, name: 'opus', what: 'daily_tokens' as const };
const arrived = { ...ref, spec: {}, title: NASTY, sha: 's', size: 1, queued_at: 1, source: 'call', enqueued_by: 'x' };
const task = { ...arrived, depth: 0, attempt: 0, spent: 0, waits_for: [] };
const route = { to: 'agent', agent: 'auto-1', program: 'claude', kind: 'session', model: 'opus', rules: [] };
const used = { tokens: 12, cost: { amount: 1, currency: 'USD' } };
const bytes = { text: 'SECRET-TEXT' };
const finished = (outcome: object, more: object = {}) => ({ ...ref, attempt: 1, outcome, ...more });
const failure = { state: 'failed', error_class: 'crash', reason: NASTY, output: 'SECRET-TEXT' };
const worker = { name: 'w', life: 'l', key_sha: 'SECRET-TEXT', capabilities: ['lint'], max: 1, files: false };

/** Every event of the journal, and what it tells. */
const TABLE: [Event['type'], object, ...EventName[]][] = [
  ['project_adopted', { project: { id: SHOP, path: '/shop', name: 'shop', adopted_at: 1 } }, 'project_adopted'],
  ['held_released', { project: SHOP }, 'held_released'],
  ['history_counted', { project: SHOP, done: 1, failed: 2, cancelled: 3 }, 'history_counted'],
  ['task_queued', { task: { ...task, state: 'queued' }, bytes }, 'task_queued'],
  ['task_found', { task: { ...task, state: 'unknown', found: 'dispatched', detail: 'x' }, bytes }, 'task_found'],
  ['task_edited', { ...ref, task: { spec: {}, title: 'x', sha: 's', size: 1, waits_for: [] }, bytes }, 'task_edited'],
  ['task_carried', { ...ref, bytes }],
  ['task_claimed', { ...ref, attempt: 1, token: 'SECRET-TEXT', route, sha: 's' }, 'task_claimed'],
  ['claim_void', { ...ref, attempt: 1, reason: 'x' }, 'claim_void'],
  ['attempt_started', { ...ref, attempt: 1, place: { agent: 'auto-1' } }, 'task_dispatched'],
  ['job_accepted', { ...ref, attempt: 1, job_id: 'j' }, 'job_accepted'],
  ['verify_started', { ...ref, attempt: 1 }, 'verify_started'],
  [
    'task_requeued',
    { ...ref, attempt: 1, error_class: 'crash', reason: 'x', not_before: now, spent: true, used },
    ...(['task_retried', 'usage_recorded'] as const),
  ],
  ['task_released', { ...ref, reason: 'x' }, 'task_released'],
  ['cancel_requested', { ...ref, reason: 'x' }, 'cancel_requested'],
  ['task_finished', finished({ state: 'done', result: 'SECRET-TEXT', tokens: 5 }), 'task_completed', 'usage_recorded'],
  ['task_finished', finished({ state: 'done', result: 'SECRET-TEXT' }), 'task_completed'],
  ['task_finished', finished({ ...failure, used }), 'task_failed', 'usage_recorded', 'task_dead_lettered'],
  ['task_finished', finished({ ...failure, error_class: 'dependency' }), 'task_failed'],
  ['task_finished', finished(failure, { from_file: true }), 'task_failed'],
  ['task_finished', finished({ state: 'cancelled', reason: 'x', used }), 'task_cancelled', 'usage_recorded'],
  ['task_retried', { ...ref, as: 'fix-2' }, 'task_retried'],
  ['delivered', { ...ref, what: 'callback', ok: true, detail: 'x' }, 'delivered'],
  ['report_refused', { ...ref, attempt: 1, report: 'finished', why: 'x' }, 'report_refused'],
  ['drop_rejected', { project: SHOP, name: 'a.md', failed_as: 'a.md', reason: NASTY, size: 1 }, 'drop_rejected'],
  ['paused', { project: SHOP, kind: 'drain', reason: 'x', until: now }, 'paused'],
  ['resumed', { agent: 'claude' }, 'resumed'],
  ['dispatch_failed_no_agent', { ...ref, detail: NASTY, waiting: 3 }, 'dispatch_failed_no_agent'],
  ['dispatch_failed_quota', { ...ref, detail: 'x', until: now, waiting: 3 }, 'dispatch_failed_quota'],
  ['sink_gap', { sink: 's', from: 1, to: 2, count: 2, why: 'x' }, 'sink_gap'],
  ...(['created', 'recreated', 'died', 'closed', 'cooling', 'foreign', 'adopted', 'interrupted'] as const).map(
    (what): [Event['type'], object, EventName] => ['session_changed', { session: 's', what }, `session_${what}`],
  ),
  ['task_blocked', { ...ref, attempt: 1, session: 's', on: 'permission', request: 'r', detail: NASTY }, 'task_blocked'],
  ['task_unblocked', { ...ref, attempt: 1, session: 's', how: 'allowed' }, 'task_unblocked'],
  ['profile_paused', { agent: 'claude', profile: 'work', why: 'limit', reason: 'x', until: now }, 'profile_paused'],
  ['profile_resumed', { agent: 'claude', profile: 'work' }, 'profile_resumed'],
  ['profile_chosen', { agent: 'claude', profile: 'work' }, 'profile_chosen'],
  ['profile_used', { agent: 'c', profile: 'w', windows: [{ name: 'x', used: 0.5, resets_at: now }] }, 'profile_used'],
  ['worker_registered', { worker: { ...worker, projects: [SHOP], registered_at: 1 } }, 'worker_registered'],
  ['worker_left', { name: 'w', life: 'SECRET-TEXT', why: 'silent' }, 'worker_left'],
  ['limit_changed', { ...of, limit: 5, reason: 'x', until: now }, 'limit_changed'],
  ['limit_restored', { ...of, reason: 'x' }, 'limit_restored'],
  ['quota_warning', { ...of, used: 80, limit: 100, resets_at: now }, 'quota_warning'],
  ['quota_exceeded', { ...of, used: 100, limit: 100 }, 'quota_exceeded'],
  ['noted', { code: 'pruned', message: NASTY, ...ref }, 'noted'],
];

function tell(...events: object[]): ShownEvent[] {
  const parsed = events.map((event) => Event.parse(event));
  return showEvents({ seq: 7, at: now, cause: { by: 'runner' }, events: parsed }, names);
}

describe('what an event of the journal tells', () => {
  test.each(TABLE)('%s', (type, facts, ...expected) => {
    const told = tell({ type, ...facts });
    expect(told.map((event) => event.type)).toEqual(expected);
    for (const { id: _, at: __, by, type: name, ...said } of told) {
      expect(EVENTS[name].facts.strict().safeParse(said).error).toBeUndefined();
      expect(by).toBe('runner');
    }
    const text = JSON.stringify(told); // V2, V3
    expect(text).not.toContain('SECRET-TEXT');
    expect(text).not.toContain(SHOP);
    expect(text).not.toMatch(/\\u001b|\\n/);
    expect(text.length).toBeLessThan(5_000);
  });

  it('is there for every event, and every name is told by one', () => {
    const types = Event.options.flatMap(({ shape }) =>
      'options' in shape.type ? shape.type.options : [shape.type.value],
    );
    expect(new Set(TABLE.map(([type]) => type))).toEqual(new Set(types));
    expect(new Set(TABLE.flatMap(([, , ...told]) => told))).toEqual(new Set(EVENT_NAMES));
    expect(EVENT_GROUPS.flatMap(({ events }) => Object.keys(events))).toEqual(EVENT_NAMES);
  });
});

test('V1: ids count through a record, and whose an event is goes beside it', () => {
  const two = [
    { type: 'task_finished', ...finished({ ...failure, used }) },
    { type: 'cancel_requested', ...ref, reason: 'x' },
  ];
  expect(tell(...two).map(({ id, type }) => `${id} ${type}`)).toEqual([
    '7.1 task_failed',
    '7.2 usage_recorded',
    '7.3 task_dead_lettered',
    '7.4 cancel_requested',
  ]);
  expect(tell(...two)).toEqual(tell(...two));
  const record = {
    seq: 1,
    at: 1,
    cause: { by: 'owner' as const },
    events: [Event.parse({ type: 'cancel_requested', ...ref, reason: 'x' })],
  };
  expect(shownIn(record, names).map(({ of: whose }) => whose)).toEqual([SHOP]);
});

test('usage names who took it: by the journal, or in older records by what its end says', () => {
  const outcome = {
    state: 'done',
    result: 'x',
    agent: 'said',
    model: 'm',
    usage: { input_tokens: 1, output_tokens: 2, cache_read_tokens: 3, cache_write_tokens: 4 },
    cost_usd: 1,
    cost_cad: 1.4,
    profile: 'work',
  };
  const place = { agent: 'auto-1', program: 'claude', model: 'opus' };
  expect(tell({ type: 'task_finished', ...finished(outcome, { place }) })[1]).toMatchObject({
    ...{ type: 'usage_recorded', end: 'completed', project: 'shop', task: 'fix', attempt: 1, profile: 'work' },
    ...place,
    ...{ tokens: 10, input_tokens: 1, cache_write_tokens: 4, cost: 1, currency: 'USD' },
    more_costs: [{ amount: 1.4, currency: 'CAD' }],
  });
  expect(tell({ type: 'task_finished', ...finished(outcome) })[1]).toMatchObject({ agent: 'said', model: 'm' });
});

test('usage names the account of every end that knows it', () => {
  const lost = { state: 'failed', error_class: 'crash', reason: 'x', profile: 'work', used: { tokens: 8 } };
  const usage = { type: 'usage_recorded', profile: 'work', tokens: 8 };
  expect(tell({ type: 'task_finished', ...finished(lost) })[1]).toMatchObject({ ...usage, end: 'failed' });
  const { project, id } = finished(lost);
  const back = { project, id, attempt: 1, error_class: 'crash', reason: 'x', not_before: now, spent: true };
  const told = tell({ type: 'task_requeued', ...back, used: { tokens: 8 }, profile: 'work' });
  expect(told[1]).toMatchObject({ ...usage, end: 'retried' });
});

/** Writes down what it is told. */
class Tape extends Told {
  readonly told: ShownEvent[] = [];
  ends = 0;

  override tell(event: Event): void {
    super.tell(event);
    this.told.push(
      ...showEvents({ seq: this.state.seq, at: this.at, cause: { by: 'runner' }, events: [event] }, names),
    );
  }
}

const amount = fc.oneof(fc.integer({ min: -5, max: 1_000 }), fc.constant(undefined));
const usedArb = fc.record({ tokens: amount, cents: amount, currency: fc.constantFrom('USD', 'CAD', 'EUR') });
const stepArb = fc.record({
  id: fc.constantFrom('a', 'b', 'c', 'd'),
  what: fc.constantFrom('claim', 'done', 'failed', 'cancelled', 'retried', 'void'),
  used: fc.option(usedArb, { nil: undefined }),
});

test('U1, U2: each end that says what it took tells it once, and the sums are those of the books', () => {
  fc.assert(
    fc.property(fc.array(stepArb, { maxLength: 60 }), (steps) => {
      const tape = new Tape(now);
      let expected = 0;
      for (const { id, what, used: given } of steps) {
        const open = [...tape.state.open.values()].find((one) => one.id === id);
        if (!open) {
          if (what === 'claim') tape.queue(id);
          continue;
        }
        if (open.state === 'queued') {
          if (what === 'claim') tape.claim(id);
          continue;
        }
        const cost =
          given?.cents === undefined ? undefined : { amount: Math.abs(given.cents) / 100, currency: given.currency };
        const tokens = given?.tokens === undefined ? undefined : Math.abs(given.tokens);
        const took = { ...(tokens !== undefined && { tokens }), ...(cost && { cost }) };
        const says = Object.keys(took).length > 0;
        const outcome = {
          done: { state: 'done', result: 'x', ...took },
          failed: { ...failure, used: took },
          cancelled: { state: 'cancelled', reason: 'x', used: took },
        };
        if (what === 'claim') continue;
        if (what === 'void') tape.void(id);
        else if (what === 'retried') tape.requeue(id, { used: took });
        else tape.end(id, outcome[what] as OutcomeInput);
        if (what !== 'void' && says) expected += 1;
      }
      const usages = tape.told.filter((event) => event.type === 'usage_recorded');
      expect(usages).toHaveLength(expected);
      const books = spentBy(tape.state.books, 'agent', 'far', now);
      const counted = usages.map(({ end, tokens = 0 }) =>
        end === 'completed' ? tokens : end === 'cancelled' ? 0 : Math.ceil(tokens / 2),
      );
      expect(counted.reduce((sum, one) => sum + one, 0)).toBe(books.tokens);
      for (const currency of ['USD', 'CAD', 'EUR']) {
        const costs = usages.map((event) => (event.currency === currency ? (event.cost ?? 0) : 0));
        expect(costs.reduce((sum, one) => sum + one, 0)).toBeCloseTo(books.money[currency] ?? 0, 6);
      }
      const ids = tape.told.map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
    }),
  );
});

test('names are given whole or as patterns; one that means nothing is told what was meant', () => {
  expect(namesLike('task-completed')).toEqual(['task_completed']);
  expect(namesLike('quota_*')).toEqual(['quota_warning', 'quota_exceeded']);
  expect(namesLike('*_lettered')).toEqual(['task_dead_lettered']);
  expect(namesLike('*')).toEqual(EVENT_NAMES);
  for (const nothing of ['', 'task_finished', 'a*b*c', 'toString', '*_*_*_*_*_*'])
    expect(namesLike(nothing)).toEqual([]);
  expect(instead('task_finished')).toContain('task_completed');
  expect(instead('task_complete')).toBe('did you mean task_completed?');
  expect(instead('nonsense')).toContain('worker_left');
});
