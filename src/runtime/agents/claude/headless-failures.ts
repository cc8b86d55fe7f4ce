import { plainLine } from '../../model/plain-text.ts';
import type { Usage } from '../../model/session.ts';
import type { AgentFailure } from '../agent.ts';
import { failureOf } from './failures.ts';
import type { ResultLine } from './headless-records.ts';

const LONGEST = 500;

interface Circumstances {
  /** The class of its failure, where the message before told it. */
  readonly error: string | undefined;
  readonly at: number | undefined;
  readonly resets: number | undefined;
  readonly usage: Usage | undefined;
  /** It wanted to ask for something and could not. */
  readonly unasked: boolean;
}

const UNASKED: AgentFailure = {
  class: 'crash',
  reason: 'it could not ask for permission any more: its input had ended, as it does when the runtime ends',
};

/**
 * How a turn failed by its own words; undefined where it did not. `subtype: success` says nothing: every refusal of the
 * service has it, with `is_error` (2.1.329).
 */
export function resultFailure(line: ResultLine, known: Circumstances): AgentFailure | undefined {
  if (line.subtype === 'success' && !line.is_error) return known.unasked ? UNASKED : undefined;
  const said = plainLine(line.errors.map(String).join('; ').slice(0, LONGEST));
  switch (line.subtype) {
    case 'success':
      return refused(line, known);
    case 'error_max_turns':
    case 'error_max_budget_usd':
      return {
        class: line.subtype === 'error_max_turns' ? 'logic_error' : 'budget',
        final: true,
        reason: `${said || line.subtype}; ${spentText(line, known)}`,
      };
    case 'error_max_structured_output_retries':
      return {
        class: 'verify',
        reason: said || 'no structured result of the wanted form came, however often it was asked for',
      };
    default:
      return brokenOff(line, said);
  }
}

/** By the service, or before it was asked: the same words as in a terminal's turn. */
function refused(line: ResultLine, { error, at, resets }: Circumstances): AgentFailure {
  const text = line.result ?? '';
  const status = line.api_error_status ?? undefined;
  const turn = {
    error: error === undefined || error === 'unknown' ? classOf(status) : error,
    text,
    details: line.terminal_reason ?? '',
    at: at ?? 0,
  };
  const { reset_at, ...failure } = failureOf(turn);
  const end = failure.account === 'limit' ? (resets ?? (at === undefined ? undefined : reset_at)) : undefined;
  return { ...failure, ...(end !== undefined && { reset_at: end }) };
}

/** Where only the answer's status tells. */
function classOf(status: number | undefined): string {
  switch (status) {
    case 401:
    case 403:
      return 'authentication_failed';
    case 402:
      return 'billing_error';
    case 404:
      return 'model_not_found';
    case 413:
      return 'invalid_request';
    case 429:
      return 'rate_limit';
    default:
      return status !== undefined && status >= 500 ? 'server_error' : 'unknown';
  }
}

function brokenOff({ terminal_reason }: ResultLine, said: string): AgentFailure {
  if (/no conversation found/i.test(said)) return { class: 'crash', fresh: true, reason: said };
  if (terminal_reason?.startsWith('aborted'))
    return { class: 'crash', reason: 'its turn was interrupted, and no other followed' };
  return { class: 'crash', reason: said || 'its turn broke off' };
}

function spentText({ num_turns, total_cost_usd }: ResultLine, { usage }: Circumstances): string {
  const cost = usage?.cost_usd ?? total_cost_usd;
  return `spent until then: ${num_turns} turns${cost === undefined ? '' : `, $${cost.toFixed(2)}`}`;
}
