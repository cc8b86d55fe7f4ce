import { plainLine } from '../../model/plain-text.ts';
import type { AgentFailure } from '../agent.ts';

/** How a turn failed, as it stands in the rollout. */
export interface TurnError {
  readonly message: string;
  readonly codex_error_info?: unknown;
}

type Means = Omit<AgentFailure, 'reason' | 'reset_at'>;

/* By the name that Codex (0.169.0) gives it, by its words, by the status of the service: the first that is known. */

const BY_NAME: ReadonlyMap<string, Means> = new Map<string, Means>([
  ['usage_limit_exceeded', { class: 'rate_limit', account: 'limit' }],
  ['context_window_exceeded', { class: 'context_overflow', fresh: true }],
  ['server_overloaded', { class: 'rate_limit' }],
  ['internal_server_error', { class: 'crash' }],
  ['unauthorized', { class: 'auth', account: 'login' }],
]);

const BY_STATUS: ReadonlyMap<number, Means> = new Map<number, Means>([
  [401, { class: 'auth', account: 'login' }],
  [402, { class: 'billing', account: 'billing' }],
  [403, { class: 'auth', account: 'login' }],
  [404, { class: 'invalid', final: true }],
  [429, { class: 'rate_limit' }],
  [503, { class: 'rate_limit' }],
]);

const BY_WORDS: readonly [words: RegExp, means: Means][] = [
  [/you.ve hit your usage limit/i, { class: 'rate_limit', account: 'limit' }],
  [
    /insufficient_quota|exceeded your current quota|check your plan and billing/i,
    { class: 'billing', account: 'billing' },
  ],
  [/context (?:window|length)|exceeds the maximum length/i, { class: 'context_overflow', fresh: true }],
  [/no rollout found for thread/i, { class: 'crash', fresh: true }],
  [/invalid_request_error/i, { class: 'logic_error' }],
];

const OTHER: Means = { class: 'crash' };
const LONGEST = 500;

export function failureOf({ message, codex_error_info: info }: TurnError): AgentFailure {
  const [name, detail] = named(info);
  const means =
    BY_NAME.get(name) ??
    BY_WORDS.find(([words]) => words.test(message))?.[1] ??
    BY_STATUS.get(statusOf(detail) || statusIn(message)) ??
    OTHER;
  return { ...means, reason: plainLine(message).slice(0, LONGEST) || `the agent's turn failed: ${plainLine(name)}` };
}

/** A name alone, or one with what belongs to it. */
function named(info: unknown): [name: string, detail: unknown] {
  if (typeof info === 'string') return [info, undefined];
  const [entry] = typeof info === 'object' && info !== null ? Object.entries(info) : [];
  return entry ?? ['', undefined];
}

/** `unexpected status 401 Unauthorized: …`, `exceeded retry limit, last status: 429 Too Many Requests` */
function statusIn(message: string): number {
  return Number(/\bstatus:? (\d{3})\b/.exec(message)?.[1] ?? 0);
}

function statusOf(detail: unknown): number {
  const isOne = typeof detail === 'object' && detail !== null && 'http_status_code' in detail;
  return isOne && typeof detail.http_status_code === 'number' ? detail.http_status_code : 0;
}
