import { describe, expect, it } from 'vitest';
import type { AgentFailure } from '../../../../src/runtime/agents/agent.ts';
import { failureOf } from '../../../../src/runtime/agents/claude/failures.ts';
import { limitEnd } from '../../../../src/runtime/agents/claude/limit-end.ts';

const NOW = Date.UTC(2026, 10, 21, 8, 45);
const fail = (error: string, text = '', details = '') => failureOf({ error, text, details, at: NOW });

describe('how a turn failed', () => {
  it.each<[string, string, Partial<AgentFailure>]>([
    [
      'rate_limit',
      "You've hit your 5-hour limit · resets 9:42am (UTC)",
      { class: 'rate_limit', account: 'limit', reset_at: Date.UTC(2026, 10, 21, 9, 42) },
    ],
    [
      'rate_limit',
      "You've hit your weekly limit · resets Nov 23, 4:16pm (UTC)",
      { class: 'rate_limit', account: 'limit', reset_at: Date.UTC(2026, 10, 23, 16, 16) },
    ],
    ['server_error', 'API Error: 529 Overloaded. This is a server-side issue', { class: 'rate_limit' }],
    ['overloaded', 'Overloaded', { class: 'rate_limit' }],
    ['server_error', 'API Error: 500 Internal server error', { class: 'crash' }],
    ['server_error', 'API Error: Connection closed mid-response', { class: 'crash' }],
    ['authentication_failed', 'Not logged in · Please run /login', { class: 'auth', account: 'login' }],
    ['oauth_org_not_allowed', '', { class: 'auth', account: 'login' }],
    ['account_on_hold', '', { class: 'auth', account: 'login' }],
    ['verification_required', '', { class: 'auth', account: 'login' }],
    ['cloud_credential_error', '', { class: 'auth', account: 'login' }],
    ['billing_error', 'Credit balance is too low', { class: 'billing', account: 'billing' }],
    ['invalid_request', 'Request too large (max 32MB).', { class: 'context_overflow', fresh: true }],
    ['model_not_found', "There's an issue with the selected model (x).", { class: 'invalid', final: true }],
    ['invalid_request', 'API Error: 400 odd', { class: 'logic_error' }],
    ['max_output_tokens', 'API Error: …', { class: 'logic_error' }],
    ['unknown', 'API Error: 400 some bad request', { class: 'crash' }],
    ['brand_new', 'What is this?', { class: 'crash' }],
  ])('%s: %s', (error, text, means) => {
    expect(fail(error, text)).toMatchObject(means);
  });

  it.each([
    'API Error: Request rejected (429) · This request would exceed your rate limit.',
    'API Error: Server is temporarily limiting requests (not your usage limit) · Rate limited',
  ])('a busy server is no limit of the account: %s', (text) => {
    expect(fail('rate_limit', text)).toEqual({ class: 'rate_limit', reason: text });
  });

  it('a conversation that is too long may say so in its details only', () => {
    const details = '400 {"error":{"message":"prompt is too long: 250000 tokens > 200000 maximum"}}';
    const failure = fail('invalid_request', 'Automatic compaction failed', details);
    expect(failure).toEqual({ class: 'context_overflow', fresh: true, reason: 'Automatic compaction failed' });
  });

  it('always has a reason, clean and short', () => {
    expect(fail('server_error').reason).toBe("the agent's turn failed: server_error");
    expect(fail('unknown', `a\u001b[31m\nb${'x'.repeat(9_000)}`).reason).toMatch(/^a bx{400,497}$/);
  });
});

describe('when a limit ends', () => {
  const iso = (text: string, now = NOW) => {
    const end = limitEnd(text, now);
    return end === undefined ? undefined : new Date(end).toISOString().slice(0, 16);
  };

  it('is the next time that a clock shows it', () => {
    expect(iso('resets 9:42am (UTC)')).toBe('2026-11-21T09:42');
    expect(iso('resets 8am (UTC)')).toBe('2026-11-22T08:00');
    expect(iso('resets 12am (UTC)')).toBe('2026-11-22T00:00');
    expect(iso('resets 12:30pm (UTC)')).toBe('2026-11-21T12:30');
  });

  it('is now when it was a moment ago: what is shown is cut to minutes', () => {
    expect(iso('resets 8:44am (UTC)')).toBe('2026-11-21T08:44');
  });

  it('is told in other zones, summer and winter', () => {
    expect(iso('resets 3pm (Europe/Berlin)')).toBe('2026-11-21T14:00');
    expect(iso('resets 3pm (Europe/Berlin)', Date.UTC(2026, 6, 1))).toBe('2026-07-01T13:00');
    expect(iso('resets 1:15am (America/New_York)')).toBe('2026-11-22T06:15');
    expect(iso('resets Nov 23, 4:16pm (Asia/Kolkata)')).toBe('2026-11-23T10:46');
    expect(iso('resets 7am (Australia/Sydney)')).toBe('2026-11-21T20:00');
  });

  it('is told on the day when clocks change', () => {
    expect(iso('resets 9am (America/New_York)', Date.UTC(2026, 10, 1, 3))).toBe('2026-11-01T14:00');
  });

  it('may be next year', () => {
    expect(iso('resets Jan 2, 4pm (UTC)')).toBe('2027-01-02T16:00');
    expect(iso('resets Jan 2, 2028, 4pm (UTC)')).toBe('2028-01-02T16:00');
    expect(iso('resets Nov 30 at 4pm (UTC)')).toBe('2026-11-30T16:00');
  });

  it('is told as a number by older versions', () => {
    expect(limitEnd('Claude AI usage limit reached|1795278211', NOW)).toBe(1_795_278_211_000);
  });

  it('is not made up', () => {
    for (const text of ['', 'resets soon', 'resets 25am (UTC)', 'resets 9:75am (UTC)', 'resets 9am (Mars/Base)'])
      expect(limitEnd(text, NOW)).toBeUndefined();
  });
});
