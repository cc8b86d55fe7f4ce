import { describe, expect, it } from 'vitest';
import type { Answer } from '../../../../src/runtime/agents/agent.ts';
import { claudeHeadless } from '../../../../src/runtime/agents/claude/headless.ts';
import type { RunEnd } from '../../../../src/runtime/ports.ts';
import { linesOf, read } from './headless-streams.ts';

const NOW = Date.parse('2026-11-21T19:30:00Z');

function exited(code: number, signal?: string): RunEnd {
  return { kind: 'exited', code, started_at: NOW - 60_000, ended_at: NOW, ...(signal !== undefined && { signal }) };
}

interface How {
  readonly end?: RunEnd;
  readonly stderr?: string;
  readonly wants_structured?: boolean;
}

function judged(lines: readonly string[], { end = exited(0), stderr = '', wants_structured = false }: How = {}) {
  const { state } = read(lines);
  const verdict = claudeHeadless.judge({ state, end, stderr, wants_structured, now: NOW });
  return verdict.kind === 'done' ? 'done' : verdict.failure;
}

describe('what is done', () => {
  it.each([
    'tool-and-answer',
    'background',
    'background-ends-in-turn',
    'subagent',
    'message-joins',
    'message-waits',
    'interrupted-then-told',
    'resumed-after-kill',
    'resumed-after-end',
    'retry-recovers',
    'background-told-in-turn',
    'question',
    'allowed-while-nobody-held-its-input',
    'denied-twice', // the caller doubts it
    'structured-never', // nothing structured was asked for
  ])('%s', (name) => {
    expect(judged(linesOf(name))).toBe('done');
  });

  it('a structured result, where one was asked for', () => {
    expect(judged(linesOf('structured'), { wants_structured: true })).toBe('done');
  });
});

describe('what the service refused, though the stream calls it a success', () => {
  it.each([
    ['error-429', { class: 'rate_limit', reason: expect.stringContaining('(429)') }],
    ['error-529', { class: 'rate_limit', reason: expect.stringContaining('529 Overloaded') }],
    ['error-500', { class: 'crash', reason: expect.stringContaining('500') }],
    ['error-400', { class: 'crash', reason: expect.stringContaining('400') }],
    ['error-401', { class: 'auth', account: 'login', reason: 'Invalid API key · Fix external API key' }],
    ['error-403', { class: 'auth', account: 'login', reason: expect.stringContaining('403') }],
    ['error-402', { class: 'billing', account: 'billing', reason: expect.stringContaining('402') }],
    ['error-404', { class: 'invalid', final: true, reason: expect.stringContaining('selected model') }],
    ['error-413', { class: 'context_overflow', fresh: true, reason: expect.stringContaining('too large') }],
    ['prompt-too-long', { class: 'context_overflow', fresh: true, reason: expect.stringContaining('too long') }],
    ['refusal', { class: 'logic_error', reason: expect.stringContaining('safeguards flagged') }],
    ['output-limit', { class: 'logic_error', reason: expect.stringContaining('output token maximum') }],
    ['not-logged-in', { class: 'auth', account: 'login', reason: 'Not logged in · Please run /login' }],
  ])('%s', (name, failure) => {
    expect(linesOf(name).at(-1)).toContain('"subtype":"success"');
    expect(judged(linesOf(name), { end: exited(1) })).toEqual(failure);
  });

  it('a limit of the account, with the moment in which it ends', () => {
    expect(judged(linesOf('limit-five-hour'), { end: exited(1) })).toEqual({
      class: 'rate_limit',
      account: 'limit',
      reason: "You've hit your 5-hour limit · resets 8:29pm (UTC)",
      reset_at: Date.parse('2026-11-21T20:29:08Z'),
    });
    const silent = linesOf('limit-five-hour').filter((line) => !line.includes('rate_limit_event'));
    expect(judged(silent, { end: exited(1) })).toMatchObject({ reset_at: Date.parse('2026-11-21T20:29:00Z') });
  });
});

describe('what it was not allowed to spend', () => {
  it.each([
    ['max-turns', 'logic_error', 'Reached maximum number of turns (1); spent until then: 2 turns, $0.01'],
    ['max-budget', 'budget', 'Reached maximum budget ($0.01); spent until then: 1 turns, $3.64'],
  ])('%s is final', (name, errorClass, reason) => {
    expect(judged(linesOf(name), { end: exited(1) })).toEqual({ class: errorClass, final: true, reason });
  });
});

describe('what has no end', () => {
  it.each([
    ['sigterm-in-tool', exited(143), /SIGTERM/],
    ['sigterm-in-tool', exited(143, 'SIGTERM'), /SIGTERM/],
    ['sigint-in-tool', exited(0), /interrupted/],
    ['sigint-in-second-turn', exited(0), /in the midst of a turn/], // though it has a result, and code 0
    ['interrupted', exited(1), /interrupted/],
    ['killed-in-tool', exited(137, 'SIGKILL'), /SIGKILL/],
    ['killed-in-tool', { kind: 'lost', reason: 'its supervisor is gone' } as const, /supervisor is gone/],
    ['empty-answer', exited(0), /without an answer/],
    ['tool-and-answer', exited(143), /SIGTERM/], // its word is not believed
    ['tool-and-answer', exited(3), /exit code 3/],
  ])('%s, %j', (name, end, reason) => {
    const failure = judged(linesOf(name), { end });
    expect(failure).toEqual({ class: 'crash', reason: expect.stringMatching(reason) });
  });

  it('not even a beginning', () => {
    expect(judged([])).toEqual({ class: 'crash', reason: 'claude ended with exit code 0 and without a result' });
  });
});

describe('what it could not ask, since nobody held its input', () => {
  it('is no refusal: the work goes on in another attempt', () => {
    expect(judged(linesOf('unasked'))).toEqual({ class: 'crash', reason: expect.stringContaining('could not ask') });
  });
});

describe('a structured result that is not there', () => {
  it('is not what was asked for', () => {
    const failure = judged(linesOf('structured-never'), { wants_structured: true });
    expect(failure).toMatchObject({ class: 'verify' });
  });

  it('however often it was tried', () => {
    const failure = judged(linesOf('structured-exhausted'), { end: exited(1), wants_structured: true });
    expect(failure).toMatchObject({
      class: 'verify',
      reason: expect.stringContaining("must have required property 'name'"),
    });
  });
});

describe('what it complains about', () => {
  it('a conversation that is not there: the next one is new', () => {
    const stderr = 'No conversation found with session ID: 0d7a4c0e-0000-4000-8000-000000000001\n';
    const failure = { class: 'crash', fresh: true, reason: expect.stringContaining('No conversation found') };
    expect(judged(linesOf('no-conversation'), { end: exited(1), stderr })).toEqual(failure);
    expect(judged([], { end: exited(1), stderr })).toEqual(failure);
  });

  it.each([
    ["error: unknown option '--nonsense'", { class: 'invalid', final: true }],
    ['Error: Invalid session ID. Must be a valid UUID.', { class: 'invalid', final: true }],
    ['Error: Settings file not found: /nope.json', { class: 'invalid', final: true }],
    ['Error: --json-schema is not a valid JSON Schema: data/type must be array', { class: 'invalid', final: true }],
    ['Error: Session ID 0d7a4c0e is already in use.', { class: 'crash', fresh: true }],
    ['Error parsing streaming input line (type=unknown, 9 chars): SyntaxError', { class: 'crash' }],
  ])('%s', (stderr, failure) => {
    expect(judged([], { end: exited(1), stderr: `${stderr}\n` })).toEqual({
      ...failure,
      reason: `claude ended with exit code 1 and without a result: ${stderr}`,
    });
  });
});

describe('requests', () => {
  const report = (event: string, tool_name: string, tool_input: unknown = { command: 'ls' }) => ({
    name: '1-2-x',
    at: NOW,
    text: JSON.stringify({ session_id: 's', hook_event_name: event, tool_name, tool_input }),
  });

  it('get an answer that decides, since nobody stands at a screen', () => {
    const questions = [{ question: 'Which db?', options: [{ label: 'pg' }], multiSelect: false }];
    const asked = report('PermissionRequest', 'AskUserQuestion', { questions });
    const decision = (answer: Answer) =>
      JSON.parse(claudeHeadless.answer?.(asked, answer) ?? '').hookSpecificOutput.decision;
    expect(decision({ answers: { 'Which db?': 'pg' } })).toMatchObject({
      updatedInput: { answers: { 'Which db?': 'pg' } },
    });
    expect(decision({ answers: { 'Which car?': 'red' } })).toMatchObject({ behavior: 'deny' });
    expect(decision({ decision: 'allow' })).toMatchObject({ behavior: 'deny' });
    expect(decision({ decision: 'deny', reason: 'no' })).toEqual({ behavior: 'deny', message: 'no' });
  });

  it('wait for an answer, which its hook prints', () => {
    const asked = report('PermissionRequest', 'Bash');
    expect(claudeHeadless.request?.(asked)).toEqual({ tool: 'Bash', input: { command: 'ls' } });
    expect(claudeHeadless.request?.(report('PreToolUse', 'Bash'))).toBeUndefined();
    expect(JSON.parse(claudeHeadless.answer?.(asked, { decision: 'allow' }) ?? '')).toEqual({
      hookSpecificOutput: { hookEventName: 'PermissionRequest', decision: { behavior: 'allow' } },
    });
  });
});
