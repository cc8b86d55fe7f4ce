import { afterFailure, type Failure, type RetrySituation } from '../policy/retry.ts';
import type { AttemptEnd, RunEnd } from '../ports.ts';
import { runFiles } from './order.ts';
import type { RunVerdict } from './program.ts';
import { type FileReading, readBounded, readTail, sizeOf } from './reader.ts';
import type { Stop } from './stop.ts';

export const MAX_RESULT_BYTES = 256 * 1024;
const MAX_FAILURE_BYTES = 16 * 1024;

/** A run that has ended, and whether we ended it. */
export interface EndedRun {
  readonly dir: string;
  readonly end: RunEnd;
  /** The command names `{output_file}`. */
  readonly writesOutput: boolean;
  readonly agent: string;
  readonly model?: string;
  /** Why we stopped it, if we did. What the agent made of the signal, even exit code 0, is not an answer then. */
  readonly stopped?: Stop;
}

/** What a run came to, from how it ended and what it left in its directory. */
export async function judgeRun(files: FileReading, run: EndedRun): Promise<RunVerdict> {
  const { end, stopped } = run;
  if (stopped?.why === 'cancelled') return { kind: 'cancelled', reason: stopped.reason };
  if (stopped?.why === 'timeout') return failed(files, run, { class: 'timeout', reason: stopped.reason });
  if (stopped?.why === 'denied') return failed(files, run, { class: 'permission', reason: stopped.reason });
  if (stopped?.why === 'budget') return failed(files, run, { class: 'budget', reason: stopped.reason });
  if (end.kind === 'lost') return failed(files, run, { class: 'crash', reason: end.reason });
  if (end.code === 0) return done(files, run);
  return failed(files, run, { class: 'tool_failure', ...exitReason(end.code, end.signal) });
}

export function attemptEnd(verdict: RunVerdict, situation: RetrySituation): AttemptEnd {
  switch (verdict.kind) {
    case 'done':
      return { kind: 'finished', outcome: verdict.outcome };
    case 'cancelled': {
      const { reason, used } = verdict;
      return { kind: 'finished', outcome: { state: 'cancelled', reason, ...(used && { used }) } };
    }
    case 'failed':
      return afterFailure(verdict.failure, { ...situation, ...(verdict.gated && { gated: true }) });
  }
}

async function done(files: FileReading, run: EndedRun): Promise<RunVerdict> {
  const { output, stdout } = runFiles(run.dir);
  const written = run.writesOutput && ((await sizeOf(files, output)) ?? 0) > 0;
  const read = await readBounded(files, written ? output : stdout, MAX_RESULT_BYTES);
  const { agent, model } = run;
  return {
    kind: 'done',
    outcome: {
      state: 'done',
      result: read?.text ?? '',
      agent,
      ...(model !== undefined && { model }),
      exit_code: 0,
      ...(read?.truncated && { truncated: true }),
    },
  };
}

async function failed(files: FileReading, run: EndedRun, failure: Failure): Promise<RunVerdict> {
  const { stdout, stderr } = runFiles(run.dir);
  const said = [await readTail(files, stderr, MAX_FAILURE_BYTES), await readTail(files, stdout, MAX_FAILURE_BYTES)];
  const output = said.map((page) => page.text.trim()).filter((text) => text !== '');
  return {
    kind: 'failed',
    failure: {
      ...failure,
      agent: run.agent,
      ...(run.end.kind === 'exited' && { exit_code: run.end.code }),
      ...(output.length > 0 && { output: output.join('\n\n') }),
    },
  };
}

function exitReason(code: number, signal: string | undefined): { reason: string; final?: boolean } {
  if (code === 127)
    return { reason: 'the agent could not be started: its command was not found (exit code 127)', final: true };
  if (code === 126)
    return { reason: 'the agent could not be started: it can not be executed (exit code 126)', final: true };
  return {
    reason: signal ? `the agent was ended by ${signal} (exit code ${code})` : `the agent ended with exit code ${code}`,
  };
}
