import { statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { readHeadless } from '../../../src/runtime/headless/record.ts';
import { world } from './runs-world.ts';

describe('a run is prepared', () => {
  it('with its prompt, its record and its input, all of it for the user alone', async () => {
    const w = await world({ agents: { claude: { env: { OWN_KEY: '1' } } } });
    const { ref, dir, order } = await w.working({ budget_usd: 2, max_turns: 9 });
    expect(order).toMatchObject({ dir, argv: ['agent', expect.any(String)], stdin: join(dir, 'input') });
    expect(order.env).toMatchObject({ YARDMASTER_TASK: ref.id, YARDMASTER_RUN_DIR: dir, OWN: '1', OWN_KEY: '1' });
    expect(order.env).not.toHaveProperty('SECRET');
    expect(w.orders[0]).toMatchObject({ budget_usd: 2, max_turns: 9, model: 'sonnet', asks: { wait_seconds: 1_860 } });
    expect(w.input(ref)).toEqual({ text: `${await w.prompt(ref)}\n`, open: true });
    expect(await readHeadless(w.files, dir)).toMatchObject({ agent: 'claude', profile: 'default', input: 'stream' });
    for (const name of ['prompt.md', 'headless.json', 'settings.json'])
      expect(statSync(join(dir, name)).mode & 0o777).toBe(0o600);
  });

  it('a prompt that is too long for an argument goes by a file, one on the input does not', async () => {
    const w = await world();
    const body = 'x'.repeat(200_000);
    w.state.input = 'none';
    await w.prepare(await w.task({}, body));
    expect(w.orders.at(-1)?.prompt).toContain('read that file');
    w.state.input = 'once';
    const { prepared } = await w.prepare(await w.task({}, body));
    expect(w.orders.at(-1)?.prompt).toContain(body);
    expect(prepared).toMatchObject({ order: { stdin: expect.stringMatching(/stdin$/) } });
  });

  it('where no account is ready it waits, and where the folder can’t be trusted it is refused', async () => {
    const w = await world();
    w.state.profile = { wait: true, until: 77, reason: 'all rest' };
    expect((await w.prepare(await w.task())).prepared).toEqual({ kind: 'wait', until: 77, reason: 'all rest' });
  });

  it('its pipe is closed when it never began (H2)', async () => {
    const w = await world();
    const ref = await w.task();
    const { lease } = await w.prepare(ref);
    expect(w.runs.views()).toMatchObject([{ name: `shop/${ref.id}`, state: 'starting', kind: 'headless' }]);
    await w.store.end(lease, { kind: 'void', reason: 'it could not be started' });
    await vi.waitFor(() => expect(w.input(ref)?.open).toBe(false));
    expect(w.runs.views()).toEqual([]);
  });
});

describe('a conversation', () => {
  it('goes on in the next attempt, which is told less', async () => {
    const w = await world();
    const { ref, lease, following } = await w.working();
    await w.converse(ref);
    await following.close();
    const again = { class: 'crash', reason: 'it died', not_before: 0, spent: true } as const;
    await w.store.end(lease, { kind: 'requeue', ...again });
    await w.prepare(ref);
    const [first, second] = w.orders;
    expect(second).toMatchObject({ conversation: first?.conversation, resume: expect.stringContaining('.jsonl') });
    expect(second?.prompt).toContain('Go on with this task');
    expect(second?.prompt).toContain('it died');
  });

  it('has one writer at a time, here and in sessions (H1)', async () => {
    const w = await world();
    const first = await w.working();
    await w.converse(first.ref);
    const next = await w.task({ continues: first.ref.id });
    const waiting = await w.prepare(next);
    expect(waiting.prepared).toEqual({ kind: 'wait', reason: `${first.name} works in its conversation` });
    const conversation = w.orders[0]?.conversation ?? '';
    expect(w.runs.writerOf(conversation)).toBe(first.name);
    const outcome = { state: 'done', result: 'x' } as const;
    await w.store.end(waiting.lease, { kind: 'void', reason: 'later' });
    await w.store.end(first.lease, { kind: 'finished', outcome });
    expect(w.runs.writerOf(conversation)).toBeUndefined();
    w.state.writer = 'shop-main';
    const busy = await w.prepare(next);
    expect(busy.prepared).toEqual({ kind: 'wait', reason: 'shop-main works in its conversation' });
    expect(w.runs.writerOf(conversation)).toBeUndefined();
    await w.store.end(busy.lease, { kind: 'void', reason: 'later' });
    w.state.writer = undefined;
    expect((await w.prepare(next)).prepared).toMatchObject({ kind: 'ready' });
  });
});

describe('a run at work', () => {
  it('shows what it does, and has its input closed when it has answered all', async () => {
    const w = await world();
    const { ref, dir } = await w.working();
    expect(w.runs.views()).toMatchObject([{ state: 'starting' }]);
    await w.tell(dir, { id: 'c' }, { say: 'I look.' }, { tool: 'Bash npm test' });
    await w.see(() => expect(w.runs.views()).toMatchObject([{ state: 'working', detail: 'it uses Bash npm test' }]));
    expect(w.input(ref)?.open).toBe(true);
    await w.tell(dir, { result: 'Done.' });
    await w.see(() => expect(w.input(ref)?.open).toBe(false));
  });

  it('that asks is blocked, and none of its time counts until it has its answer (R4)', async () => {
    const w = await world({ blocked_timeout: '10m' });
    const { ref, dir, following } = await w.working();
    expect(following.blocked()).toMatchObject({ since: expect.any(Number) }); // before its book is read nothing counts
    await w.see(() => expect(following.blocked()).toEqual({ ms: 0 }));
    const report = await w.ask(dir, 'Bash');
    await w.see(() => expect(following.blocked()).toEqual({ ms: 0, since: expect.any(Number) }));
    const [request] = w.requests.opened;
    expect(request).toMatchObject({ seat: `shop/${ref.id}`, tool: 'Bash', program: 'claude', attempt: 1 });
    expect(w.runs.views()).toMatchObject([{ state: 'blocked', blocked_on: 'permission' }]);
    await w.clock.advance(60_000);
    expect(following.blocked()).toMatchObject({ ms: 0, since: expect.any(Number) });
    await rm(join(dir, 'answers', report));
    if (request) w.runs.answered(request);
    await w.see(() => expect(following.blocked()).not.toHaveProperty('since'));
    expect(following.blocked().ms).toBeGreaterThanOrEqual(60_000);
    await w.see(() => expect(w.runs.views()[0]?.state).not.toBe('blocked'));
  });

  it('that nobody answers is denied and stopped, with the reason (R3)', async () => {
    const w = await world({ blocked_timeout: '2m' });
    const { dir } = await w.working();
    await w.ask(dir, 'Bash');
    await w.see(() => expect(w.stops.length).toBeGreaterThan(0), 1_000);
    expect(w.stops[0]).toMatchObject({ why: 'denied', reason: expect.stringContaining('nobody answered for 120 s') });
    await w.see(() => expect(w.requests.denied).not.toEqual([]));
    expect(w.requests.denied[0]).toContain('Bash: denied: nobody answered');
  });

  it('is followed from the start of its stream by the next runtime, which it does not hear', async () => {
    const w = await world();
    const { dir, name, follow, following } = await w.working();
    const text = () => w.runs.named(name)?.run?.text;
    await w.tell(dir, { say: 'before' });
    await w.see(() => expect(text()).toBe('[agent] before\n'));
    await following.close();
    w.restart();
    follow();
    await w.tell(dir, { say: 'after' });
    await w.see(() => expect(text()).toBe('[agent] before\n[agent] after\n'), 200);
    expect(await w.runs.named(name)?.run?.message('hello there')).toMatchObject({
      message: expect.stringContaining('its input was closed when the runtime before this one ended'),
    });
  });

  it('that was interrupted waits for the next word, then is asked to go on', async () => {
    const w = await world({ interrupted: { wait: '1m', next: 'ask' } });
    const { ref, dir, name } = await w.working();
    await w.runs.named(name)?.run?.interrupt();
    expect(w.input(ref)?.text).toContain('"interrupt"');
    await w.tell(dir, { stopped: 'by somebody' });
    await w.see(() => expect(w.runs.views()).toMatchObject([{ state: 'blocked', blocked_on: 'interrupted' }]));
    expect(w.input(ref)?.open).toBe(true);
    await w.see(() => expect(w.input(ref)?.text).toContain('Please go on with your task'), 500);
    expect(w.events.map(({ type }) => type)).toEqual(['task_blocked', 'task_unblocked']);
  });

  it('that was done before it could be stopped waits for nothing', async () => {
    const w = await world();
    const { ref, dir, name } = await w.working();
    await w.runs.named(name)?.run?.interrupt();
    await w.tell(dir, { result: 'All done.' });
    await w.see(() => expect(w.input(ref)?.open).toBe(false));
    expect(w.events).toEqual([]);
  });
});
