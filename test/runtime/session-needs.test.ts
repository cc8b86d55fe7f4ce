import { beforeEach, expect, test } from 'vitest';
import { Desk } from '../tools/desk.ts';

/* What fleet_status asks of a person about sessions and accounts. */

let desk: Desk;
beforeEach(async () => {
  desk = new Desk();
  desk.yard.needed.push({ what: 'something else', where: 'here', next: 'later' });
});

const needs = async () => (await desk.call('fleet_status')).needs as { what: string; where: string; next: string }[];
const sessions = () => desk.yard.sessions;

async function works(id: string): Promise<void> {
  const ref = await desk.enqueue(id);
  await desk.run(ref);
  sessions().work(`s-${id}`, ref);
}

test('open with what agents ask, the oldest first, with the exact call', async () => {
  await works('a');
  await works('b');
  sessions().ask('s-b', { id: 'r1', tool: 'Bash', input: 'rm -rf build\n&& make' });
  await desk.yard.clock.advance(1_000);
  const options = [{ label: 'Postgres', description: 'as now' }, { label: 'SQLite' }];
  const questions = [{ question: 'Which database?', options, multiple: false }];
  sessions().ask('s-a', { id: 'r2', kind: 'question', tool: 'AskUserQuestion', questions });
  expect(await needs()).toEqual([
    {
      what: 'the agent of b asks to use Bash: rm -rf build && make',
      where: 'shop/b in session s-b',
      next: 'answer_request {request_id: "r1", decision: "allow"}, or answer_request {request_id: "r1", decision: "deny", reason: "…"}',
    },
    {
      what: 'the agent of a asks: Which database? (one of: Postgres | SQLite)',
      where: 'shop/a in session s-a',
      next: 'answer_request {request_id: "r2", answers: {"Which database?": "…"}}',
    },
    { what: 'something else', where: 'here', next: 'later' },
  ]);
});

test('then dialogs, accounts, stalled, unknown and foreign sessions, each with what to run', async () => {
  await works('a');
  await works('b');
  const at = desk.yard.clock.now();
  sessions().change('s-a', { state: 'blocked', blocked_on: 'dialog', detail: 'Do you trust this folder?' });
  sessions().change('s-b', { evidence: { from: 'hook', at: at - 20 * 60_000 } });
  sessions().add('cold', { state: 'cooling', detail: 'claude was not found', until: at + 60_000 });
  sessions().add('theirs', { state: 'foreign', managed: false });
  sessions().add('odd', { state: 'unknown', detail: 'hooks and screen disagree' });
  sessions().accounts.push(
    { agent: 'claude', name: 'work', state: 'paused', reason: '5-hour limit', until: at + 3_600_000 },
    { agent: 'claude', name: 'home', state: 'paused', reason: 'not logged in' },
  );
  const told = (await needs()).map(({ what, next }) => `${what} → ${next}`);
  expect(told).toEqual([
    'session s-a waits at a dialog that only an attached person can answer: Do you trust this folder? → yardmaster attach s-a',
    `all profiles of claude are paused until ${new Date(at + 3_600_000).toISOString()}, its tasks wait (work: 5-hour limit; home: not logged in) → nothing, or add a profile; yardmaster profiles list`,
    'session s-b has shown no sign for 20 min → read_session {name: "s-b"}, then yardmaster attach s-b or yardmaster interrupt s-b',
    'session odd is in a state that is not known: hooks and screen disagree → yardmaster attach odd',
    'tmux has a session theirs that is not ours, so it is not used → yardmaster adopt theirs takes it; or rename it in tmux',
    `session cold rests until ${new Date(at + 60_000).toISOString()}, no agent could be started in it: claude was not found → it is tried again by itself; yardmaster doctor`,
    'something else → later',
  ]);
});

test.each([
  ['login', /needs a login/, /yardmaster attach/],
  ['limit', /has met a limit/, /profiles list/],
  ['interrupted', /waits for the next word/, /message_session \{name: "s-a"/],
] as const)('a session that is blocked on %s says so', async (blocked_on, what, next) => {
  await works('a');
  sessions().change('s-a', { state: 'blocked', blocked_on });
  expect((await needs())[0]).toMatchObject({ what: expect.stringMatching(what), next: expect.stringMatching(next) });
});

test('an account that rests until somebody mends it is told, while others work', async () => {
  sessions().accounts.push(
    { agent: 'claude', name: 'work', state: 'in_use' },
    { agent: 'claude', name: 'home', state: 'paused', reason: 'not logged in' },
  );
  expect((await needs())[0]).toMatchObject({ next: 'yardmaster profiles resume claude home, when that is mended' });
  expect(await desk.call('fleet_status')).toMatchObject({
    profiles: [
      { name: 'work', state: 'in_use' },
      { name: 'home', state: 'paused', reason: 'not logged in' },
    ],
  });
});

test('what a session says of itself beats what its state says in general, and sessions are counted', async () => {
  await works('a');
  sessions().change('s-a', { next: 'yardmaster attach s-a and log in' });
  sessions().add('idle-1');
  sessions().add('idle-2');
  expect((await needs())[0]).toMatchObject({
    where: 'shop/a in session s-a',
    next: 'yardmaster attach s-a and log in',
  });
  expect(await desk.call('fleet_status')).toMatchObject({ sessions: { working: 1, idle: 2 } });
});

test('long or dirty words of an agent are cut and cleaned', async () => {
  await works('a');
  sessions().ask('s-a', { input: `\u001b[2J${'x'.repeat(10_000)}` });
  const [{ what = '' } = {}] = await needs();
  expect(what.length).toBeLessThan(400);
  expect(what).toContain('(more: list_sessions)');
  expect(what).not.toContain('\u001b');
});
