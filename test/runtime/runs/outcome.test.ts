import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createRunner } from '../../../src/runtime/io/processes/runner.ts';
import { isRefusal } from '../../../src/runtime/model/refusal.ts';
import type { RunEnd } from '../../../src/runtime/ports.ts';
import { namesOutput, prepareRun } from '../../../src/runtime/runs/order.ts';
import { attemptEnd, type EndedRun, judgeRun } from '../../../src/runtime/runs/outcome.ts';
import { agentsDir, supervisor } from '../io/processes/world.ts';
import { localFiles } from './local-files.ts';
import { attemptAt, chance, tempDir } from './world.ts';

const situation = {
  spent: 1,
  max_attempts: 3,
  now: 1_000,
  fraction: 0.5,
  backoff: 5_000,
  backoff_max: 60_000,
  before: [],
  classes: {},
  rejected: 0,
  verify_retries: 1,
};

function exited(code: number, signal?: string): RunEnd {
  return { kind: 'exited', code, started_at: 1, ended_at: 2, ...(signal && { signal }) };
}

async function ran(end: RunEnd, files: Record<string, string | Uint8Array> = {}): Promise<EndedRun> {
  const dir = await tempDir();
  for (const [name, content] of Object.entries(files)) await writeFile(join(dir, name), content);
  return { dir, end, writesOutput: true, agent: 'bot' };
}

describe('exit code 0', () => {
  it('makes the output file the result', async () => {
    const run = await ran(exited(0), { output: 'the answer', stdout: 'chatter' });
    expect(attemptEnd(await judgeRun(localFiles, run), situation)).toEqual({
      kind: 'finished',
      outcome: { state: 'done', result: 'the answer', agent: 'bot', exit_code: 0 },
    });
  });

  it.each([
    ['the agent wrote none', { stdout: 'said' }, true],
    ['it is empty', { stdout: 'said', output: '' }, true],
    ['the command does not name it', { stdout: 'said', output: 'other' }, false],
  ])('makes what was printed the result when %s', async (_, files, writesOutput) => {
    const run = { ...(await ran(exited(0), files)), writesOutput };
    expect(await judgeRun(localFiles, run)).toMatchObject({ kind: 'done', outcome: { result: 'said' } });
  });

  it('is bounded and clean in the result, and as it was on disk', async () => {
    const raw = `\u001b[31m${'x'.repeat(300_000)}\u001b[0m end`;
    const run = await ran(exited(0), { stdout: raw });
    const verdict = await judgeRun(localFiles, run);
    if (verdict.kind !== 'done' || verdict.outcome.state !== 'done') throw new Error(verdict.kind);
    expect(verdict.outcome.truncated).toBe(true);
    expect(verdict.outcome.result.length).toBeLessThan(263_000);
    expect(verdict.outcome.result).toMatch(/^x+\n\n\[… .* …\]\n\nx+ end$/);
    expect(await readFile(join(run.dir, 'stdout'), 'utf8')).toBe(raw);
  });
});

describe('a run that did not succeed', () => {
  it.each([
    [exited(3), { class: 'tool_failure', reason: 'the agent ended with exit code 3', exit_code: 3 }],
    [exited(137, 'SIGKILL'), { class: 'tool_failure', reason: 'the agent was ended by SIGKILL (exit code 137)' }],
    [exited(127), { class: 'tool_failure', final: true, exit_code: 127 }],
    [exited(126), { class: 'tool_failure', final: true }],
    [{ kind: 'lost', reason: 'its supervisor died' } as const, { class: 'crash', reason: 'its supervisor died' }],
  ])('%j fails as %j', async (end, failure) => {
    expect(await judgeRun(localFiles, await ran(end))).toMatchObject({ kind: 'failed', failure });
  });

  it('says what the agent said last', async () => {
    const run = await ran(exited(1), { stdout: 'working\n', stderr: '\u001b[31mno such table\u001b[0m\n' });
    expect(attemptEnd(await judgeRun(localFiles, run), { ...situation, spent: 3 })).toEqual({
      kind: 'finished',
      outcome: {
        state: 'failed',
        error_class: 'tool_failure',
        reason: 'the agent ended with exit code 1',
        agent: 'bot',
        exit_code: 1,
        output: 'no such table\n\nworking',
      },
    });
  });

  it('because its time was up is a timeout, even if the agent answers the signal with 0', async () => {
    const stopped = { why: 'timeout' as const, reason: 'it ran longer than 60 s' };
    const run = { ...(await ran(exited(0), { stdout: 'half' })), stopped };
    const end = attemptEnd(await judgeRun(localFiles, run), situation);
    const how = { class: 'timeout', reason: stopped.reason, exit_code: 0 };
    expect(end).toEqual({ kind: 'requeue', ...how, not_before: 6_000, spent: true });
  });

  it('because it was cancelled is cancelled', async () => {
    const run = {
      ...(await ran(exited(143, 'SIGTERM'))),
      stopped: { why: 'cancelled' as const, reason: 'not needed' },
    };
    expect(attemptEnd(await judgeRun(localFiles, run), situation)).toEqual({
      kind: 'finished',
      outcome: { state: 'cancelled', reason: 'not needed' },
    });
  });
});

describe('an attempt from its order to its end', () => {
  async function attempted(command: string[]) {
    const home = await tempDir();
    const attempt = attemptAt(home, { command, env: { PATH: `${agentsDir}:${process.env.PATH}` } });
    const order = await prepareRun({ files: localFiles, chance }, attempt);
    if (isRefusal(order)) throw new Error(order.message);
    const runner = createRunner({ supervisor });
    expect(await runner.start(order)).toEqual({ kind: 'started' });
    const end = await runner.ended(order.dir);
    return judgeRun(localFiles, { dir: order.dir, end, writesOutput: namesOutput(attempt.agent), agent: 'bot' });
  }

  it('of an agent that prints its answer', async () => {
    expect(await attempted(['finishes.sh'])).toMatchObject({ outcome: { result: 'the work is done\n' } });
  });

  it('of an agent that copies its prompt to the output file', async () => {
    const verdict = await attempted(['cp', '{prompt_file}', '{output_file}']);
    expect(verdict).toMatchObject({ outcome: { result: expect.stringMatching(/^\[fix-login\.md\] Do it\./) } });
  });

  it('of an agent that reads its prompt from standard input', async () => {
    expect(await attempted(['cat'])).toMatchObject({ outcome: { result: expect.stringContaining('Do it.') } });
  });

  it('of an agent that prints rubbish', async () => {
    expect(await attempted(['prints-rubbish.sh'])).toMatchObject({
      outcome: { result: 'café \ufffd\ufffd red end\n' },
    });
  });
});
