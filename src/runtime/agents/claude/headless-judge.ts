import { plainLine } from '../../model/plain-text.ts';
import type { RunEnd } from '../../ports.ts';
import type { AgentFailure } from '../agent.ts';
import type { HeadlessAgent, RunState } from '../headless.ts';

type Run = Parameters<HeadlessAgent['judge']>[0];
type Verdict = ReturnType<HeadlessAgent['judge']>;

/**
 * First what its stream says, then a signal, then what it complained about, then its exit code. SIGINT ends Claude Code
 * (2.1.329) with exit code 0 and SIGTERM with 143, both without a result; a shape that was never delivered is a success
 * with exit code 0.
 */
export function headlessJudge(run: Run): Verdict {
  const failure = run.state.failure ?? endFailure(run.end) ?? noAnswer(run) ?? codeFailure(run) ?? noStructure(run);
  return failure ? { kind: 'failed', failure } : { kind: 'done' };
}

const SIGNALS: Readonly<Record<number, string>> = { 129: 'SIGHUP', 130: 'SIGINT', 137: 'SIGKILL', 143: 'SIGTERM' };

function endFailure(end: RunEnd): AgentFailure | undefined {
  if (end.kind === 'lost') return crash(`claude was lost: ${end.reason}`);
  const signal = end.signal ?? SIGNALS[end.code];
  return signal === undefined ? undefined : crash(`claude was ended by ${signal}`);
}

function noAnswer({ state, end, stderr, wants_structured }: Run): AgentFailure | undefined {
  if (isAnswered(state, wants_structured)) return undefined;
  if (state.results === 0) return complaint(stderr, end);
  return crash(state.answer ? 'its last turn ended without an answer' : 'claude ended in the midst of a turn');
}

/** One that is all data may have no words. */
function isAnswered({ answer }: RunState, wants_structured: boolean): boolean {
  return answer !== undefined && (answer.text.trim() !== '' || (wants_structured && answer.structured !== undefined));
}

function codeFailure({ end, stderr }: Run): AgentFailure | undefined {
  if (end.kind === 'lost' || end.code === 0) return undefined;
  return crash(`claude said that it was done, and ended with exit code ${end.code}${said(stderr)}`);
}

function noStructure({ state, wants_structured }: Run): AgentFailure | undefined {
  if (!wants_structured || state.answer?.structured !== undefined) return undefined;
  return { class: 'verify', reason: 'claude gave an answer, but not the structured result that was asked for' };
}

// ── what it complained about ────────────────────────────────────────────────

/** Of runs that never came to a turn (2.1.329, 2026-11-21): the first that fits. */
const COMPLAINTS: readonly (readonly [RegExp, Omit<AgentFailure, 'reason'>])[] = [
  [/no conversation found|session id .{0,60}already in use/i, { class: 'crash', fresh: true }],
  [/unknown option|argument missing|argument '.*' is invalid|invalid session id/i, { class: 'invalid', final: true }],
  [/not a valid json schema|settings file not found|mcp config/i, { class: 'invalid', final: true }],
  [/cannot be used with root/i, { class: 'invalid', final: true }],
  [/not logged in|please run \/login|invalid api key/i, { class: 'auth', account: 'login' }],
];

function complaint(stderr: string, end: RunEnd): AgentFailure {
  const means = COMPLAINTS.find(([words]) => words.test(stderr))?.[1] ?? { class: 'crash' };
  const code = end.kind === 'exited' ? ` with exit code ${end.code}` : '';
  return { ...means, reason: `claude ended${code} and without a result${said(stderr)}` };
}

const LONGEST = 500;

function said(stderr: string): string {
  const line = plainLine(stderr.trim().slice(-LONGEST));
  return line === '' ? '' : `: ${line}`;
}

function crash(reason: string): AgentFailure {
  return { class: 'crash', reason };
}
