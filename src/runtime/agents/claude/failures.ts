import { plainLine } from '../../model/plain-text.ts';
import type { AgentFailure } from '../agent.ts';
import { limitEnd } from './limit-end.ts';

/** How a turn failed, in the program's own words. */
export interface TurnFailure {
  readonly error: string;
  readonly text: string;
  readonly details: string;
  readonly at: number;
}

interface Rule {
  /** All that are given must fit. */
  readonly error?: readonly string[];
  readonly words?: RegExp;
  readonly means: Omit<AgentFailure, 'reason' | 'reset_at'>;
}

/*
 * What failures of a turn mean: the first rule that fits. The words are those of Claude Code 2.1.329 (2026-11-21): its
 * class alone does not tell a subscription's limit from a busy server, or an overloaded one from a broken one.
 */
const RULES: readonly Rule[] = [
  {
    error: ['invalid_request', 'unknown'],
    words: /prompt is too long|request too large|input is too long|exceeds? .{0,40}context/i,
    means: { class: 'context_overflow', fresh: true },
  },
  { error: ['rate_limit'], words: /server is temporarily limiting/i, means: { class: 'rate_limit' } },
  {
    error: ['rate_limit'],
    words: /you've hit your|usage limit|limit reached|\blimit\b.{0,40}\bresets\b/i,
    means: { class: 'rate_limit', account: 'limit' },
  },
  { error: ['rate_limit', 'overloaded'], means: { class: 'rate_limit' } },
  { error: ['server_error'], words: /\b529\b|overloaded/i, means: { class: 'rate_limit' } },
  { error: ['server_error'], means: { class: 'crash' } },
  { error: ['billing_error'], means: { class: 'billing', account: 'billing' } },
  {
    error: [
      'authentication_failed',
      'oauth_org_not_allowed',
      'account_on_hold',
      'verification_required',
      'cloud_credential_error',
    ],
    means: { class: 'auth', account: 'login' },
  },
  { error: ['model_not_found'], means: { class: 'invalid', final: true } },
  { error: ['invalid_request', 'max_output_tokens'], means: { class: 'logic_error' } },
];
const OTHER: Rule['means'] = { class: 'crash' };

const LONGEST = 500;

export function failureOf(turn: TurnFailure): AgentFailure {
  const said = `${turn.text}\n${turn.details}`;
  const rule = RULES.find(({ error, words }) => (error?.includes(turn.error) ?? true) && (words?.test(said) ?? true));
  const means = rule?.means ?? OTHER;
  const reset_at = means.account === 'limit' ? limitEnd(turn.text, turn.at) : undefined;
  return { ...means, reason: reasonOf(turn), ...(reset_at !== undefined && { reset_at }) };
}

function reasonOf({ error, text }: TurnFailure): string {
  const line = plainLine(text).slice(0, LONGEST);
  return line === '' ? `the agent's turn failed: ${plainLine(error).slice(0, LONGEST)}` : line;
}
