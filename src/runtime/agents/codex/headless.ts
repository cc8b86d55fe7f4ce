import { plainLine } from '../../model/plain-text.ts';
import type { AgentFailure } from '../agent.ts';
import { limitEnd } from '../claude/limit-end.ts';
import type { HeadlessAgent, RunState } from '../headless.ts';
import { failureOfRun } from '../run-end.ts';
import { refusedFolder } from './accept.ts';
import { failureOf } from './failures.ts';
import { composeHeadless } from './headless-compose.ts';
import { CodexReader } from './headless-reader.ts';
import { spentSince } from './headless-spent.ts';

/*
 * How runs of `codex exec --json` end (0.169.0, 2026-11-21, a scripted service):
 *
 *   what came of it          code  its stream                                             tries, time
 *   answered                 0     turn.completed
 *   401, 402, 403, 404       1     turn.failed "unexpected status 401 Unauthorized: …"    5 more, 7 s
 *   429                      1     turn.failed "… last status: 429 Too Many Requests"     none
 *   429 usage_limit_reached  1     turn.failed "You’ve hit your usage limit. … try again at 9:23 PM."
 *   429 insufficient_quota   1     turn.failed "Quota exceeded. Check your plan and billing details."
 *   500                      1     turn.failed "We’re currently experiencing high demand, …"    5 more, 24 s
 *   503                      1     turn.failed "unexpected status 503 Service Unavailable: …"   5 more, 24 s
 *   400, too long            1     turn.failed "Codex ran out of room in the model's context window. …"
 *   prompt beyond 1,048,576  1     thread.started, and the reason on stderr
 *   nothing to resume        1     nothing; stderr "no rollout found for thread id"
 *   no prompt                1     nothing; stderr "No prompt provided via stdin."
 *   unknown option           2     nothing; stderr
 *   SIGTERM                  –     the signal itself; the turn has no end
 *   SIGINT                   1     the turn has no end
 *
 * Offline it takes five seconds to leave. The usage of a run that resumes is that of the whole conversation.
 */

const NEVER_ASKS = /approval policy is Never; reject command/;

/** Codex without a terminal, as measured on 0.169.0. */
export const codexHeadless: HeadlessAgent = {
  program: 'codex',
  keeps: ['continues', 'permission_mode'],
  compose: composeHeadless,
  refuses: refusedFolder,
  reader: () => new CodexReader(),
  spent: spentSince,
  judge(run) {
    const failure = failureOfRun(run, { said, code: () => undefined });
    if (failure === undefined) return { kind: 'done', ...denialsIn(run.stderr) };
    const reset_at = failure.account === 'limit' ? limitIn(failure.reason, run.now) : undefined;
    return { kind: 'failed', failure: { ...failure, ...(reset_at !== undefined && { reset_at }) } };
  },
};

const COMPLAINT = /^(?:Error|error): .+$|^No prompt provided.*$/gm;

function said(stderr: string): AgentFailure | undefined {
  const line = stderr.match(COMPLAINT)?.at(-1);
  if (line === undefined) return undefined;
  const failure = failureOf({ message: line });
  const isUsage = /^error: (?:unexpected argument|invalid value)|^No prompt/.test(line);
  return isUsage ? { class: 'invalid', final: true, reason: plainLine(line) } : failure;
}

/** "try again at 9:23 PM.", "try again at Nov 24th, 2026 7:23 PM.": by this machine's clock. */
function limitIn(words: string, now: number): number | undefined {
  const [, when = ''] = /try again at (.+)/.exec(words) ?? [];
  return limitEnd(`resets at ${when.replace(/(\d)(?:st|nd|rd|th)\b/, '$1')}`, now);
}

/** Its stream does not tell of a command that it was not allowed to run outside of the sandbox, and not which it was. */
function denialsIn(stderr: string): { denials?: RunState['denials'] } {
  if (!NEVER_ASKS.test(stderr)) return {};
  return { denials: [{ tool: 'exec_command', input: 'a command outside of the sandbox' }] };
}
