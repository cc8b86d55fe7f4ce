import { plainLine } from '../../model/plain-text.ts';
import type { AgentFailure } from '../agent.ts';

const LONGEST = 500;

/*
 * What the errors in a conversation mean: `[API Error: {"error":{"code":400,"message":…,"status":"INVALID_ARGUMENT"}}]`
 * (0.61.0, 2026-11-21). The first rule that fits.
 */
const RULES: readonly [words: RegExp, means: Omit<AgentFailure, 'reason'>][] = [
  [/exceeds the maximum number of tokens|token count .{0,60}exceeds/i, { class: 'context_overflow', fresh: true }],
  [/exhausted your .{0,30}quota|exceeded your current quota/i, { class: 'rate_limit', account: 'limit' }],
  [/API key not valid|UNAUTHENTICATED|PERMISSION_DENIED|"code":40[13]\b/, { class: 'auth', account: 'login' }],
  [/"code":402\b|billing/i, { class: 'billing', account: 'billing' }],
  [/RESOURCE_EXHAUSTED|"code":429\b|quota|UNAVAILABLE|"code":503\b|model is overloaded/i, { class: 'rate_limit' }],
  [/NOT_FOUND|"code":404\b|is not found for API version/, { class: 'invalid', final: true }],
  [/INVALID_ARGUMENT|"code":400\b/, { class: 'logic_error' }],
];

export function failureOf(error: string): AgentFailure {
  const means = RULES.find(([words]) => words.test(error))?.[1] ?? { class: 'crash' as const };
  const line = plainLine(error).slice(0, LONGEST);
  return { ...means, reason: line === '' ? "the agent's turn failed, and it does not say why" : line };
}
