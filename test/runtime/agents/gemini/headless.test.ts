import fc from 'fast-check';
import { expect, test } from 'vitest';
import { geminiHeadless } from '../../../../src/runtime/agents/gemini/headless.ts';
import type { HeadlessOrder } from '../../../../src/runtime/agents/headless.ts';
import { CodingAgent } from '../../../../src/runtime/model/config.ts';
import { judge, NOW, noisy, read, recording } from '../streams.ts';

const gemini = (name: string) => recording('gemini', name);

const order: HeadlessOrder = {
  agent: CodingAgent.parse({}),
  run_dir: '/runs/1',
  cwd: '/shop',
  prompt: '/quit now',
  conversation: '0b2b2a5c-1111-4222-8333-444455556666',
  permission_mode: 'acceptEdits',
  allowed_tools: ['run_shell_command(git)'],
};

test('the prompt comes by standard input and is no command; the mode and the tools are named', () => {
  const start = geminiHeadless.compose({ ...order, model: 'sonnet' });
  expect(start.argv).toEqual([
    ...['gemini', '--skip-trust', '--output-format=stream-json', `--session-id=${order.conversation}`],
    ...['--approval-mode=auto_edit', '--allowed-tools=run_shell_command(git)'],
  ]);
  expect(start.input).toEqual({ kind: 'once', text: 'Your task:\n\n/quit now' });
  expect(start.env).toEqual({ GEMINI_CLI_NO_RELAUNCH: 'true' });
  const further = geminiHeadless.compose({ ...order, resume: order.conversation, model: 'm', config_dir: '/acc' });
  expect(further.argv).toContain(`--resume=${order.conversation}`);
  expect(further.argv).toContain('--model=m');
  expect(further.env).toMatchObject({ GEMINI_CLI_HOME: '/acc' });
});

test('a run that worked: its answer, what it spent, and what it showed', () => {
  const { state, shown } = read(geminiHeadless, gemini('success').lines);
  expect(state).toEqual({
    conversation: '0b2b2a5c-1111-4222-8333-000000000001',
    model: 'scripted',
    idle: true,
    answer: { text: 'The port is 8080 now.' },
    denials: [],
    usage: { input_tokens: 200, output_tokens: 20, cache_read_tokens: 0, cache_write_tokens: 0 },
    results: 1,
  });
  expect(shown).toEqual([
    { by: 'tool', text: 'write_file {"file_path":"port","content":"8080\\n"}' },
    { by: 'tool', text: 'success' },
    { by: 'agent', text: 'The port is 8080 now.' },
  ]);
  expect(judge(geminiHeadless, gemini('success'))).toEqual({ kind: 'done' });
});

test('an answer comes in pieces and is shown as one; what it said before a tool is none', () => {
  const say = (content: string) => JSON.stringify({ type: 'message', role: 'assistant', content, delta: true });
  const tool = JSON.stringify({ type: 'tool_use', tool_name: 'read_file', tool_id: '1', parameters: {} });
  const { state, shown } = read(geminiHeadless, [
    say('I '),
    say('look.'),
    tool,
    say('It is '),
    say('8080.'),
    '{"type":"result","status":"success"}',
  ]);
  expect(state.answer).toEqual({ text: 'It is 8080.' });
  expect(shown.map(({ text }) => text)).toEqual(['I look.', 'read_file {}', 'It is 8080.']);
});

test.each([
  ['refused', ['run_shell_command']],
  ['refused-in-part', ['run_shell_command', 'write_file']],
  ['refused-consent', ['run_shell_command']],
  ['shell', []],
])('%s: what it wanted and was not allowed', (name, tools) => {
  expect(read(geminiHeadless, gemini(name).lines).state.denials.map(({ tool }) => tool)).toEqual(tools);
});

test.each([
  ['failed-400', { class: 'logic_error' }],
  ['failed-401', { class: 'auth', account: 'login' }],
  ['failed-403', { class: 'auth', account: 'login' }],
  ['failed-404', { class: 'invalid', final: true }],
  ['failed-429', { class: 'rate_limit' }],
  ['failed-429-daily', { class: 'rate_limit', account: 'limit' }],
  ['failed-500', { class: 'crash' }],
  ['failed-503', { class: 'rate_limit' }],
  ['failed-too-long', { class: 'context_overflow', fresh: true }],
  ['turn-limit', { class: 'logic_error' }],
  ['nothing-to-resume', { class: 'crash', fresh: true }],
  ['id-in-use', { class: 'crash', fresh: true }],
  ['no-key', { class: 'auth', account: 'login' }],
  ['unknown-option', { class: 'invalid', final: true }],
  ['settings-broken', { class: 'invalid', final: true }],
  ['sigterm', { class: 'crash' }],
  ['sigint', { class: 'crash' }],
])('%s', (name, means) => {
  const judged = judge(geminiHeadless, gemini(name));
  expect(judged).toEqual({ kind: 'failed', failure: { ...means, reason: expect.stringMatching(/\S/) } });
});

test.each([
  [144, 'logic_error'],
  [145, 'auth'],
  [148, 'invalid'],
  [173, 'rate_limit'],
  [244, 'crash'],
  [247, 'rate_limit'],
  [41, 'auth'],
  [55, 'permission'],
  [1, 'crash'],
])('without a word, exit code %i tells: %s', (code, means) => {
  expect(judge(geminiHeadless, { lines: [], stderr: '', code })).toMatchObject({ failure: { class: means } });
});

test('a service that says when it may be asked again is believed', () => {
  const error = { type: 'unknown', message: '[API Error: RESOURCE_EXHAUSTED. Please retry in 28.4s.]' };
  const lines = [JSON.stringify({ type: 'result', status: 'error', error })];
  expect(judge(geminiHeadless, { lines, stderr: '', code: 173 })).toMatchObject({
    failure: { reset_at: NOW + 28_400 },
  });
});

test.each([
  ['error', 'The model response was blocked due to safety settings.', 'error', 'logic_error'],
  ['error', 'The model returned an empty response with no text or thoughts. This may be …', 'error', 'crash'],
  ['warning', 'Loop detected, stopping execution', 'success', 'logic_error'],
  ['error', 'Maximum session turns exceeded', 'success', 'logic_error'],
])('%s "%s" is an end, even when its result is %s', (severity, message, status, means) => {
  const say = JSON.stringify({ type: 'message', role: 'assistant', content: 'So far' });
  const lines = [say, JSON.stringify({ type: 'error', severity, message }), JSON.stringify({ type: 'result', status })];
  expect(judge(geminiHeadless, { lines, stderr: '', code: 0 })).toMatchObject({ failure: { class: means } });
});

test('no answer, no result, a signal, a code: none of them is a success', () => {
  const run = gemini('success');
  const answerless = run.lines.filter((line) => !line.includes('"assistant"'));
  const endless = run.lines.filter((line) => !line.includes('"result"'));
  const runs = [{ lines: answerless }, { lines: endless }, { signal: 'SIGTERM' }, { code: 1 }, { code: 143 }];
  for (const change of runs)
    expect(judge(geminiHeadless, { ...run, ...change })).toMatchObject({ kind: 'failed', failure: { class: 'crash' } });
});

test('noise between its lines changes nothing', () => {
  const lines = gemini('success').lines;
  const { state } = read(geminiHeadless, lines);
  fc.assert(
    fc.property(noisy(lines), (all) => {
      expect(read(geminiHeadless, all).state).toEqual(state);
    }),
    { numRuns: 60 },
  );
});

test('a stream that is cut anywhere is no success before its result', () => {
  const run = gemini('success');
  const text = run.lines.join('\n');
  const end = text.trimEnd().length;
  fc.assert(
    fc.property(fc.nat({ max: end - 1 }), (at) => {
      expect(judge(geminiHeadless, { ...run, lines: text.slice(0, at).split('\n') }).kind).toBe('failed');
    }),
  );
});
