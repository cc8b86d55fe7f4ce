import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { AgentFailure } from '../../../src/runtime/agents/agent.ts';
import { judgeHeadless } from '../../../src/runtime/headless/judge.ts';
import { HeadlessRecord } from '../../../src/runtime/headless/record.ts';
import { DiskFiles } from '../../../src/runtime/io/files.ts';
import type { RunEnd } from '../../../src/runtime/ports.ts';
import type { Stop } from '../../../src/runtime/runs/stop.ts';
import { readEnding } from '../../../src/runtime/sessions/attempts/ending.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';
import { attemptAt, tempDir } from '../runs/world.ts';
import { lineOf, plainAgent } from './plain-agent.ts';

const record = HeadlessRecord.parse({
  ...{ agent: 'claude', conversation: 'c-1', transcript: '/t', transcript_from: 0, nonce: 'n', task_nonce: 'n' },
  ...{ prompt_sha256: 'p', cwd: '/', prepared_at: 1, input: 'stream', profile: 'work' },
});
const exited = (code: number): RunEnd => ({ kind: 'exited', code, started_at: 0, ended_at: 1 });

async function judged(
  stream: readonly object[],
  { end = exited(0), stopped, stderr = '' }: { end?: RunEnd; stopped?: Stop; stderr?: string } = {},
) {
  const dir = await tempDir();
  writeFileSync(join(dir, 'stdout'), stream.map(lineOf).join(''));
  writeFileSync(join(dir, 'stderr'), stderr);
  const files = new DiskFiles();
  const met: [string, string, AgentFailure][] = [];
  const failed = async (...failure: [string, string, AgentFailure]) => {
    met.push(failure);
    return { rests: true };
  };
  const { task } = attemptAt(dir, { command: ['x'] });
  const run = { task, dir, end, ...(stopped && { stopped }) };
  const { verdict } = await judgeHeadless(
    { prices: undefined, userHome: '/nowhere', files, clock: new VirtualClock(), failed },
    run,
    record,
    plainAgent,
  );
  return { verdict, met, ending: await readEnding(files, dir) };
}

describe('a run without a terminal that has ended', () => {
  it('is done with its answer, its account and its conversation', async () => {
    const { verdict, ending } = await judged([{ say: 'working' }, { result: 'All done.' }]);
    expect(verdict).toMatchObject({
      kind: 'done',
      outcome: { state: 'done', result: 'All done.', session_id: 'c-1', profile: 'work', agent: 'bot', exit_code: 0 },
    });
    expect(verdict).not.toHaveProperty('doubt');
    expect(ending).toBeUndefined();
  });

  it('is believed only after a check where a tool was denied to it', async () => {
    const { verdict } = await judged([
      { deny: 'Bash' },
      { deny: 'Write' },
      { deny: 'Bash' },
      { result: 'As far as I could.' },
    ]);
    expect(verdict).toMatchObject({
      kind: 'done',
      doubt: { class: 'permission', reason: expect.stringContaining('Bash, Write'), output: 'As far as I could.' },
    });
  });

  it('has an answer that is too long at its beginning and its end', async () => {
    const { verdict } = await judged([{ result: `begin ${'x'.repeat(600_000)} end` }]);
    if (verdict.kind !== 'done') throw new Error(verdict.kind);
    expect(verdict.outcome).toMatchObject({ truncated: true });
    expect(verdict.outcome.result).toMatch(/^begin x[\s\S]*left out[\s\S]*x end$/);
  });

  it('was ended by us for our reason, whatever it made of the signal (J2)', async () => {
    const done = [{ result: 'All done.' }];
    const of = async (why: Stop['why']) => (await judged(done, { stopped: { why, reason: 'because' } })).verdict;
    expect(await of('cancelled')).toEqual({ kind: 'cancelled', reason: 'because' });
    expect(await of('timeout')).toMatchObject({ kind: 'failed', failure: { class: 'timeout', reason: 'because' } });
    expect(await of('denied')).toMatchObject({ kind: 'failed', failure: { class: 'permission', session_id: 'c-1' } });
  });

  it('that was killed is a crash, with what it said last', async () => {
    const { verdict } = await judged([{ say: 'I look at it' }], {
      end: { kind: 'lost', reason: 'killed' },
      stderr: 'ouch',
    });
    expect(verdict).toMatchObject({
      kind: 'failed',
      failure: { class: 'crash', output: 'ouch\n\n[agent] I look at it' },
    });
  });

  it('that met a limit pauses its account, and leaves a conversation that is no use any more (J3)', async () => {
    const { verdict, met, ending } = await judged([{ fail: 'limit reached' }], { end: exited(1) });
    expect(verdict).toMatchObject({ kind: 'failed', gated: true, failure: { class: 'rate_limit', exit_code: 1 } });
    expect(verdict).not.toHaveProperty('failure.account');
    expect(met).toMatchObject([['claude', 'work', { account: 'limit' }]]);
    expect(ending).toMatchObject({ kind: 'failed', failure: { fresh: true } });
  });
});
