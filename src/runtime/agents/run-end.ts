import type { AgentFailure } from './agent.ts';
import type { HeadlessAgent } from './headless.ts';

type Ended = Parameters<HeadlessAgent['judge']>[0];

/** What a program's own words and codes mean; undefined where they mean nothing that is known. */
export interface Meanings {
  readonly said: (stderr: string) => AgentFailure | undefined;
  readonly code: (code: number) => Omit<AgentFailure, 'reason'> | undefined;
}

/**
 * Why a run is no success, or undefined where it is one. Its stream is believed first, then what it complained about, then
 * its exit code: Gemini CLI ends a SIGTERM with 0, and a failure with 1 that its stream calls by its name.
 */
export function failureOfRun(run: Ended, { said, code }: Meanings): AgentFailure | undefined {
  const { state, end, stderr } = run;
  if (state.failure !== undefined) return sharper(state.failure, run, { said, code });
  if (end.kind === 'lost') return { class: 'crash', reason: end.reason };
  if (end.signal !== undefined) return { class: 'crash', reason: `a signal has ended it (${end.signal})` };
  const complaint = end.code === 0 && state.results > 0 ? undefined : said(stderr);
  if (complaint !== undefined) return complaint;
  if (end.code !== 0) {
    const means = code(end.code) ?? { class: 'crash' };
    return { ...means, reason: `it ended with exit code ${end.code}${lastWords(stderr)}` };
  }
  if (state.results === 0)
    return { class: 'crash', reason: 'it ended in the middle of its work, without a word on why' };
  if ((state.answer?.text.trim() ?? '') === '')
    return { class: 'crash', reason: 'it ended its work without an answer' };
  return undefined;
}

/** The stream has told of a failure that nobody knows: the other witnesses may know its kind. Its words stay. */
function sharper(failure: AgentFailure, { end, stderr }: Ended, { said, code }: Meanings): AgentFailure {
  if (failure.class !== 'crash') return failure;
  const means = said(stderr) ?? (end.kind === 'exited' && end.signal === undefined ? code(end.code) : undefined);
  return means === undefined ? failure : { ...means, reason: failure.reason };
}

const LONGEST = 300;

function lastWords(stderr: string): string {
  const last = stderr.trim().split('\n').at(-1)?.trim().slice(0, LONGEST) ?? '';
  return last === '' ? '' : `: ${last}`;
}
