import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { until } from '../../support/world.ts';
import { world } from './checks-world.ts';

const COUNTS = `sh -c 'echo run >> runs.txt; exit 0'`;
const WAITS = `sh -c 'echo run >> runs.txt; while [ ! -e go ]; do sleep 0.05; done; echo went'`;
const lines = (text: string | undefined) => (text ?? '').split('\n').filter(Boolean);

describe('verify decides', () => {
  test('one that passes makes it done, with the evidence', async () => {
    const { runtime, begun, task } = await world();
    const order = await begun({ verify: `sh -c 'echo out; echo err >&2'` });
    const checked = await runtime().check(order);
    expect(checked).toMatchObject({
      kind: 'done',
      outcome: { state: 'done', result: 'All done.', verified: 'passed' },
    });
    if (checked.kind !== 'done') return;
    expect(checked.outcome.evidence?.verify).toEqual({
      command: `sh -c 'echo out; echo err >&2'`,
      exit_code: 0,
      output_sha256: createHash('sha256').update('out\nerr\n').digest('hex'),
      seconds: expect.any(Number),
    });
    expect(task(order).verifying_since).toBeTypeOf('number');
  });

  test('one that fails makes it a failed attempt with its words, the agent’s and the evidence', async () => {
    const { runtime, begun } = await world();
    const order = await begun({ verify: `sh -c 'echo 2 of 9 failed; exit 3'` });
    expect(await runtime().check(order)).toMatchObject({
      kind: 'failed',
      failure: {
        class: 'verify',
        reason: "The check `sh -c 'echo 2 of 9 failed; exit 3'` ended with exit code 3",
        output: '2 of 9 failed',
        answer: 'All done.',
        agent: 'bot',
        evidence: { verify: { exit_code: 3 } },
      },
    });
  });

  test('the next attempt is told of it, also when the one in between died', async () => {
    const { runtime, begun, again, store } = await world();
    const checks = runtime();
    const first = await begun({ verify: `sh -c 'echo "\\\`\\\`\\\`"; echo broken >&2; exit 3'` });
    await checks.check(first);
    await store.end(first.lease, { kind: 'requeue', class: 'verify', reason: 'no', not_before: 0, spent: false });
    const second = await again(first.lease.task);
    const told = await checks.complaint(second.task);
    expect(told).toContain('ended with exit code 3.');
    expect(told).toContain('````\n```\n\nbroken\n````');
    await store.end(second.lease, { kind: 'requeue', class: 'crash', reason: 'died', not_before: 0, spent: true });
    const third = await again(first.lease.task);
    expect(await checks.complaint(third.task)).toBe(told);
  });

  test('without verify nothing is run, and it is unverified', async () => {
    const { runtime, begun, task, cwd } = await world();
    const order = await begun({});
    await runtime().before(order.task, order.dir, cwd);
    expect(await runtime().check(order)).toMatchObject({ kind: 'done', outcome: { verified: 'unverified' } });
    expect(task(order).verifying_since).toBeUndefined();
    expect(existsSync(join(order.dir, 'before.json'))).toBe(false);
  });

  test('a doubt stands unless it passes', async () => {
    const { runtime, begun } = await world();
    const doubt = { class: 'permission', reason: 'Bash was denied' } as const;
    expect(await runtime().check({ ...(await begun({})), doubt })).toMatchObject({ kind: 'failed', failure: doubt });
    expect(await runtime().check({ ...(await begun({ verify: 'true' })), doubt })).toMatchObject({ kind: 'done' });
    expect(await runtime().check({ ...(await begun({ verify: 'false' })), doubt })).toMatchObject({
      failure: { class: 'verify' },
    });
  });

  test('a configured check is run by its name; what a file names must be one', async () => {
    const { runtime, begun } = await world({ checks: { test: ['sh', '-c', 'echo by name'] } });
    const dropped = { source: 'drop' } as const;
    expect(await runtime().check(await begun({ verify: 'test' }, dropped))).toMatchObject({
      kind: 'done',
      outcome: { evidence: { verify: { command: `sh -c 'echo by name'` } } },
    });
    expect(await runtime().check(await begun({ verify: 'touch x' }, dropped))).toMatchObject({
      failure: { class: 'invalid', reason: 'verify: "touch x" names no configured check; configured checks: test' },
    });
  });

  test('a command that is not there refuses the work, and says so', async () => {
    const { runtime, begun } = await world();
    expect(await runtime().check(await begun({ verify: './check.sh' }))).toMatchObject({
      failure: { class: 'verify', reason: expect.stringContaining('could not be started: the command ./check.sh') },
    });
  });

  test('it sees what its agent sees, and no token', async () => {
    const { runtime, begun } = await world({
      agents: { bot: { command: ['true'], env: { MINE: 'yes' }, pass_env: ['GIVEN'] } },
    });
    const order = await begun({ verify: `sh -c 'env | sort; exit 1'` });
    const checked = await runtime({ GIVEN: 'too', YARDMASTER_ATTEMPT_TOKEN: 'outer' }).check(order);
    const output = checked.kind === 'failed' ? (checked.failure.output ?? '') : '';
    expect(output).toMatch(/^MINE=yes$/m);
    expect(output).toMatch(/^GIVEN=too$/m);
    expect(output).toMatch(new RegExp(`^YARDMASTER_TASK=${order.task.id}$`, 'm'));
    expect(output).not.toMatch(/TOKEN|SECRET/);
  });
});

describe('what it may take is bounded', () => {
  test('its time: it is ended, and that is no exit code', async () => {
    const { runtime, begun } = await world({ verify_timeout: '300ms' });
    const order = await begun({ verify: `sh -c 'trap "exit 0" TERM; echo begun; while :; do sleep 0.05; done'` });
    const checked = await runtime().check(order);
    expect(checked).toMatchObject({
      failure: {
        class: 'verify',
        reason: expect.stringContaining('did not end within 300ms'),
        output: expect.stringMatching(/^begun/),
      },
    });
    expect(checked.kind === 'failed' && checked.failure.evidence?.verify).not.toHaveProperty('exit_code');
  });

  test('its output: the end is kept', async () => {
    const { runtime, begun } = await world();
    const order = await begun({ verify: `sh -c 'seq 100000; exit 1'` });
    const checked = await runtime().check(order);
    const output = checked.kind === 'failed' ? (checked.failure.output ?? '') : '';
    expect(output.length).toBeLessThan(16_000);
    expect(output.endsWith('99999\n100000')).toBe(true);
  });
});

describe('a check is made once per attempt', () => {
  test('what came of it is believed when it is asked for again', async () => {
    const { runtime, begun, read, cwd } = await world();
    const order = await begun({ verify: COUNTS });
    const first = await runtime().check(order);
    expect(await runtime().check(order)).toEqual(first);
    expect(lines(await read(cwd, 'runs.txt'))).toHaveLength(1);
  });

  test('one that runs when the runtime stops goes on, and the next runtime waits for its end', async () => {
    const { runtime, begun, read, cwd, write } = await world();
    const order = await begun({ verify: WAITS });
    const [before, after] = [runtime(), runtime()];
    const pending = before.check(order);
    await until(async () => (await read(cwd, 'runs.txt')) !== undefined);
    before.close();
    expect(await pending).toEqual({ kind: 'stopped' });
    expect(await before.check(order)).toEqual({ kind: 'stopped' });
    const taken = after.check(order);
    await write('go', '');
    expect(await taken).toMatchObject({ kind: 'done', outcome: { evidence: { verify: { exit_code: 0 } } } });
    expect(lines(await read(cwd, 'runs.txt'))).toHaveLength(1);
  });

  test('one that ended while nobody looked is judged by what it left', async () => {
    const { runtime, begun, read, cwd, write } = await world();
    const order = await begun({ verify: WAITS });
    const before = runtime();
    void before.check(order);
    await until(async () => (await read(cwd, 'runs.txt')) !== undefined);
    before.close();
    await write('go', '');
    await until(() => existsSync(join(order.dir, 'verify', 'exit')));
    expect(await runtime().check(order)).toMatchObject({ kind: 'done' });
    expect(lines(await read(cwd, 'runs.txt'))).toHaveLength(1);
  });

  test('one that was planned and not begun is begun', async () => {
    const { runtime, begun, store } = await world();
    const order = await begun({ verify: `sh -c 'exit 4'` });
    await store.verifying(order.lease);
    mkdirSync(join(order.dir, 'verify'), { recursive: true });
    const plan = { argv: ['sh', '-c', 'exit 5'], began_at: 1 }; // as it was configured then, long ago
    writeFileSync(join(order.dir, 'verify', 'plan.json'), JSON.stringify(plan));
    expect(await runtime().check(order)).toMatchObject({ failure: { evidence: { verify: { exit_code: 5 } } } });
  });

  test('one that was lost is made again, in a folder of its own', async () => {
    const { runtime, begun, store, said } = await world();
    const order = await begun({ verify: 'true' });
    await store.verifying(order.lease);
    mkdirSync(join(order.dir, 'verify'), { recursive: true });
    writeFileSync(join(order.dir, 'verify', 'plan.json'), JSON.stringify({ argv: ['false'], began_at: 1 }));
    writeFileSync(join(order.dir, 'verify', 'owner'), ''); // as a power cut leaves it
    expect(await runtime().check(order)).toMatchObject({ kind: 'done' });
    expect(existsSync(join(order.dir, 'verify-2', 'exit'))).toBe(true);
    expect(said).toContain('the check of a task was lost');
  });

  test('what lies there before the journal speaks of a check is nobody’s word', async () => {
    const { runtime, begun } = await world();
    const order = await begun({ verify: 'false' });
    mkdirSync(join(order.dir, 'verify'), { recursive: true });
    writeFileSync(join(order.dir, 'check.json'), '{"verify":{"passed":true,"reason":"","output":""}}');
    writeFileSync(join(order.dir, 'verify', 'plan.json'), '{"argv":["true"],"began_at":1}');
    writeFileSync(join(order.dir, 'verify', 'exit'), '{"code":0,"started_at":1,"ended_at":2}');
    expect(await runtime().check(order)).toMatchObject({ kind: 'failed' });
  });

  test('one whose attempt is not the live one any more is not begun', async () => {
    const { runtime, begun, store, read, cwd } = await world();
    const order = await begun({ verify: COUNTS });
    await store.end(order.lease, { kind: 'void', reason: 'gone' });
    expect(await runtime().check(order)).toEqual({ kind: 'stopped' });
    expect(await read(cwd, 'runs.txt')).toBeUndefined();
  });
});

describe('a check that is stopped', () => {
  test('has ended when that settles, and found nothing out', async () => {
    const { runtime, begun, read, cwd } = await world();
    const order = await begun({ verify: `sh -c 'echo $$ > pid; while :; do sleep 0.05; done'` });
    const checks = runtime();
    const pending = checks.check(order);
    await until(async () => ((await read(cwd, 'pid')) ?? '').endsWith('\n'));
    const pid = Number(await read(cwd, 'pid'));
    await checks.stop(order.dir);
    expect(() => process.kill(pid, 0)).toThrow();
    expect(await pending).toEqual({ kind: 'stopped' });
    expect(existsSync(join(order.dir, 'check.json'))).toBe(false);
  });

  test('also where an earlier runtime has begun it', async () => {
    const { runtime, begun, read, cwd } = await world();
    const order = await begun({ verify: `sh -c 'echo $$ > pid; while :; do sleep 0.05; done'` });
    const before = runtime();
    void before.check(order);
    await until(async () => ((await read(cwd, 'pid')) ?? '').endsWith('\n'));
    const pid = Number(await read(cwd, 'pid'));
    before.close();
    await runtime().stop(order.dir);
    expect(() => process.kill(pid, 0)).toThrow();
  });

  test('at its very beginning starts nothing', async () => {
    const { runtime, begun, read, cwd } = await world();
    const order = await begun({ verify: COUNTS });
    const checks = runtime();
    const pending = checks.check(order);
    await checks.stop(order.dir);
    expect(await pending).toEqual({ kind: 'stopped' });
    expect(await read(cwd, 'runs.txt')).toBeUndefined();
  });
});
