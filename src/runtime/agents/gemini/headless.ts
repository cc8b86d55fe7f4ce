import type { AgentFailure } from '../agent.ts';
import type { HeadlessAgent } from '../headless.ts';
import { failureOfRun } from '../run-end.ts';
import { refusedFolder } from './accept.ts';
import { failureOf } from './failures.ts';
import { composeHeadless } from './headless-compose.ts';
import { GeminiReader } from './headless-reader.ts';

/*
 * How runs of `gemini --output-format stream-json` end (0.61.0, 2026-11-21, a scripted service). The exit code of a failed
 * request is its HTTP status modulo 256:
 *
 *   what came of it       code  its stream                                        stderr
 *   answered              0     result success
 *   400                   144   result error "[API Error: {…"code":400…}]"        "status: 400"
 *   401, 403              145, 147   the same
 *   404                   1     result error "… is not found for API version …"   "code: 404"
 *   429, after 10 tries   173   result error "… Resource has been exhausted …"    "Attempt 1 failed with status 429 …"
 *   429, of the day       173   result error "You have exhausted your daily quota on this model."   TerminalQuotaError
 *   500, 503              244, 247   result error
 *   no key                41    nothing                                           "… must specify the GEMINI_API_KEY …"
 *   nothing to resume, id in use, no prompt   42   nothing                        its words
 *   settings broken       52    nothing                                           its words
 *   its own turn limit    53    result error "Reached max session turns …"
 *   folder not trusted    55    nothing                                           its words
 *   SIGTERM, SIGINT       0     no result
 *   answer blocked        0     error "… blocked due to safety settings.", result error without words
 */

const OF_ITS_OWN: ReadonlyMap<number, Omit<AgentFailure, 'reason'>> = new Map<number, Omit<AgentFailure, 'reason'>>([
  [41, { class: 'auth', account: 'login' }],
  [44, { class: 'invalid', final: true }],
  [52, { class: 'invalid', final: true }],
  [53, { class: 'logic_error' }],
  [55, { class: 'permission', final: true }],
]);

/** Gemini CLI without a terminal, as measured on 0.61.0. */
export const geminiHeadless: HeadlessAgent = {
  program: 'gemini',
  keeps: ['continues', 'permission_mode', 'allowed_tools'],
  compose: composeHeadless,
  refuses: refusedFolder,
  reader: () => new GeminiReader(),
  judge(run) {
    const failure = failureOfRun(run, { said, code: byCode });
    if (failure === undefined) return { kind: 'done' };
    const reset_at = failure.class === 'rate_limit' ? retryAt(failure.reason, run.now) : undefined;
    return { kind: 'failed', failure: { ...failure, ...(reset_at !== undefined && { reset_at }) } };
  },
};

const ERROR =
  /^(?:Error (?:when talking to Gemini API|resuming session|starting session|in \S+settings\.json)|When using Gemini API|No input provided|Unknown argument|Gemini CLI is not running in a trusted).*$/m;
const STATUS = /^ {2}(?:status|code): ([45]\d\d)\b/m;
const CONVERSATION = /^Error (?:resuming|starting) session/;

/** The HTTP status stands in a line of its own below the words. */
function said(stderr: string): AgentFailure | undefined {
  const words = ERROR.exec(stderr)?.[0];
  const status = STATUS.exec(stderr)?.[1];
  if (words === undefined && status === undefined) return undefined;
  const reason = failureOf(words ?? '').reason;
  if (words !== undefined && CONVERSATION.test(words)) return { class: 'crash', fresh: true, reason };
  if (/^When using Gemini API/.test(words ?? '')) return { class: 'auth', account: 'login', reason };
  if (/^Gemini CLI is not running/.test(words ?? '')) return { class: 'permission', final: true, reason };
  if (/^(?:Error in|No input|Unknown argument)/.test(words ?? '')) return { class: 'invalid', final: true, reason };
  const means = failureOf(`${words ?? ''} ${status === undefined ? '' : `"code":${status}`}`);
  return { ...means, reason };
}

const LEAST = 144; // 400 modulo 256; below are its own codes, and those of signals

function byCode(code: number): Omit<AgentFailure, 'reason'> | undefined {
  if (code < LEAST) return OF_ITS_OWN.get(code);
  const { reason: _, ...means } = failureOf(`"code":${code + 256}`);
  return means;
}

/** "Please retry in 28.4s." */
function retryAt(words: string, now: number): number | undefined {
  const seconds = /retry in (\d{1,6}(?:\.\d+)?) ?s\b/i.exec(words)?.[1];
  return seconds === undefined ? undefined : now + Math.ceil(Number(seconds) * 1_000);
}
