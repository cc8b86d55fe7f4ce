import { expect, test } from 'vitest';
import { audit } from '../../../src/runtime/audit/audit.ts';
import { JournalRecord } from '../../../src/runtime/model/event.ts';
import { ProjectId, TaskId } from '../../../src/runtime/model/ids.ts';
import type { AuditPage, AuditQuery } from '../../../src/runtime/yard.ts';

const [SHOP, DEPOT] = [ProjectId.parse('p_0123456789ab'), ProjectId.parse('p_ba9876543210')];
const PIECE = 10;

/** Every record cancels a task of its own; even ones in the shop. */
function record(seq: number): JournalRecord {
  const by = seq % 5 === 0 ? 'owner' : 'runner';
  const events = [{ type: 'cancel_requested', project: seq % 2 ? DEPOT : SHOP, id: `t-${seq}`, reason: 'x' }];
  return JournalRecord.parse({ seq, at: seq * 1_000, type: 'cancel_requested', cause: { by }, events });
}

function history(count: number) {
  const read: number[] = [];
  return {
    read,
    async *from(seq: number) {
      for (let at = Math.max(seq, 1); at <= count; at++) {
        read.push(at);
        yield record(at);
      }
    },
    beginnings: async () => Array.from({ length: Math.ceil(count / PIECE) }, (_, n) => n * PIECE + 1),
    newest: () => count,
  };
}

function asked(count: number, query: Partial<AuditQuery>) {
  return audit(history(count), { order: 'newest', limit: 5, ...query }, (id) => (id === SHOP ? 'shop' : 'depot'));
}

const seqs = ({ entries }: AuditPage) => entries.map(({ seq }) => seq);

test('the newest come first, page after page, to the very first', async () => {
  const all: number[] = [];
  for (let from: number | undefined, more = true; more; ) {
    const page = await asked(34, { ...(from !== undefined && { from }) });
    all.push(...seqs(page));
    from = page.next;
    more = from !== undefined;
  }
  expect(all).toEqual(Array.from({ length: 34 }, (_, n) => 34 - n));
});

test('the oldest come first, page after page', async () => {
  const first = await asked(12, { order: 'oldest' });
  expect(seqs(first)).toEqual([1, 2, 3, 4, 5]);
  expect(seqs(await asked(12, { order: 'oldest', from: first.next ?? 0, limit: 100 }))).toEqual([
    6, 7, 8, 9, 10, 11, 12,
  ]);
});

test('what does not match is left out: project, task, time, kind, cause', async () => {
  expect(seqs(await asked(20, { project: SHOP, by: ['owner'] }))).toEqual([20, 10]);
  expect(seqs(await asked(20, { task: TaskId.parse('t-7') }))).toEqual([7]);
  expect(seqs(await asked(20, { since: 5_000, until: 8_000 }))).toEqual([7, 6, 5]);
  expect(seqs(await asked(20, { since: 5_000, until: 8_000, order: 'oldest' }))).toEqual([5, 6, 7]);
  expect(seqs(await asked(20, { types: ['task_completed'] }))).toEqual([]);
});

test('pieces that can not hold a match are not read', async () => {
  const long = history(1_000);
  await audit(long, { order: 'newest', limit: 5 }, () => 'shop');
  expect(Math.min(...long.read)).toBe(991);
  const late = history(1_000);
  await audit(late, { order: 'oldest', limit: 5, since: 985_000 }, () => 'shop');
  expect(late.read.length).toBeLessThan(100);
});

test('a search that finds little ends its page and says where it goes on', async () => {
  const page = await asked(60_000, { task: TaskId.parse('t-3') });
  expect(page.entries).toEqual([]);
  expect(seqs(await asked(60_000, { task: TaskId.parse('t-3'), from: page.next ?? 0 }))).toEqual([3]);
});

test('tokens and bytes stay in the journal', async () => {
  const route = { to: 'agent', agent: 'bot', kind: 'command', rules: [] };
  const claimed = { type: 'task_claimed', project: SHOP, id: 'a', attempt: 1, token: 'secret', sha: 's', route };
  const one = JournalRecord.parse({
    seq: 1,
    at: 1,
    type: 'task_claimed',
    cause: { by: 'dispatcher' },
    events: [claimed],
  });
  const only = {
    ...history(0),
    newest: () => 1,
    beginnings: async () => [1],
    async *from() {
      yield one;
    },
  };
  const page = await audit(only, { order: 'newest', limit: 5 }, () => 'shop');
  expect(page.entries).toMatchObject([
    { event: { type: 'task_claimed', project: 'shop', task: 'a', by: 'dispatcher', agent: 'bot' } },
  ]);
  expect(JSON.stringify(page)).not.toContain('secret');
});
