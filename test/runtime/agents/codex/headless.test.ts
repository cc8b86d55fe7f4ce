import fc from 'fast-check';
import { expect, test } from 'vitest';
import { codexHeadless } from '../../../../src/runtime/agents/codex/headless.ts';
import type { HeadlessOrder } from '../../../../src/runtime/agents/headless.ts';
import { CodingAgent } from '../../../../src/runtime/model/config.ts';
import { judge, NOW, noisy, read, recording } from '../streams.ts';

const codex = (name: string) => recording('codex', name);

const order: HeadlessOrder = {
  agent: CodingAgent.parse({}),
  run_dir: '/runs/1',
  cwd: '/shop',
  prompt: '--help me\n',
  conversation: '01a1ff88-a570-7083-a76c-c214ea9dafab',
  permission_mode: 'acceptEdits',
  allowed_tools: [],
};

test('the prompt comes by standard input, the mode is a sandbox, and what goes on is named', () => {
  const start = codexHeadless.compose(order);
  expect(start.argv).toEqual([
    ...['codex', 'exec', '--sandbox=workspace-write', '--json', '--skip-git-repo-check'],
    ...['--output-last-message=/runs/1/last-message.md', '--', '-'],
  ]);
  expect(start.input).toEqual({ kind: 'once', text: '--help me\n' });
  const agent = CodingAgent.parse({ program: ['nice', 'codex'], args: ['--profile=x'] });
  const further = codexHeadless.compose({
    ...order,
    agent,
    resume: order.conversation,
    model: 'm',
    config_dir: '/acc',
  });
  expect(further.argv.slice(0, 6)).toEqual([
    'nice',
    'codex',
    'exec',
    '--profile=x',
    '--sandbox=workspace-write',
    'resume',
  ]);
  expect(further.argv.slice(-3)).toEqual(['--', order.conversation, '-']);
  expect(further.argv).toContain('--model=m');
  expect(further.env).toEqual({ CODEX_HOME: '/acc' });
});

const CLOSED = { type: 'object', required: ['a'], properties: { a: { type: 'string' } }, additionalProperties: false };

test.each([
  ['closed', CLOSED, true],
  ['closed all the way down', { ...CLOSED, properties: { a: { type: 'array', items: CLOSED } } }, true],
  ['open', { type: 'object', properties: { a: {} } }, false],
  ['open below', { ...CLOSED, properties: { a: { type: 'array', items: { type: 'object' } } } }, false],
  ['with a key that may be left out', { ...CLOSED, required: [] }, false],
  ['with words that it does not know', { ...CLOSED, patternProperties: {} }, false],
  ['no object', { type: 'array', items: CLOSED }, false],
])('a schema that is %s', (_, schema, strict) => {
  const { argv, files, input } = codexHeadless.compose({ ...order, result_schema: schema });
  expect(argv.includes('--output-schema=/runs/1/schema.json')).toBe(strict);
  expect(files.map(({ text }) => JSON.parse(text))).toEqual(strict ? [schema] : []);
  expect(input.kind !== 'none' && input.text.includes(JSON.stringify(schema))).toBe(!strict);
});

test('a run that worked: its answer, what it spent, and what it showed', () => {
  const { state, shown } = read(codexHeadless, codex('success').lines);
  expect(state).toEqual({
    conversation: expect.stringMatching(/^[0-9a-f-]{36}$/),
    idle: true,
    answer: { text: 'The port is 8080 now.' },
    denials: [],
    usage: { input_tokens: 200, output_tokens: 20, cache_read_tokens: 0, cache_write_tokens: 0 },
    usage_of_conversation: true,
    results: 1,
  });
  expect(shown.slice(1)).toEqual([
    { by: 'tool', text: "$ /bin/bash -lc 'echo 8080 > port; cat port'" },
    { by: 'tool', text: '8080' },
    { by: 'agent', text: 'The port is 8080 now.' },
  ]);
  expect(judge(codexHeadless, codex('success'))).toEqual({ kind: 'done' });
});

test('a tool of a server that it may not use is told in the stream', () => {
  const { state } = read(codexHeadless, codex('refused-mcp').lines);
  expect(state.denials).toEqual([{ tool: 'one.change', input: '{}' }]);
});

test('a command that was refused stands on its standard error alone', () => {
  expect(judge(codexHeadless, codex('refused'))).toEqual({
    kind: 'done',
    denials: [{ tool: 'exec_command', input: 'a command outside of the sandbox' }],
  });
});

test.each([
  ['failed-400', { class: 'logic_error' }],
  ['failed-401', { class: 'auth', account: 'login' }],
  ['failed-402', { class: 'billing', account: 'billing' }],
  ['failed-404', { class: 'invalid', final: true }],
  ['failed-429', { class: 'rate_limit' }],
  ['failed-usage-limit', { class: 'rate_limit', account: 'limit', reset_at: new Date(2026, 10, 24, 19, 23).getTime() }],
  ['failed-quota', { class: 'billing', account: 'billing' }],
  ['failed-500', { class: 'crash' }],
  ['failed-503', { class: 'rate_limit' }],
  ['failed-too-long', { class: 'context_overflow', fresh: true }],
  ['prompt-too-long', { class: 'context_overflow', fresh: true }],
  ['nothing-to-resume', { class: 'crash', fresh: true }],
  ['no-prompt', { class: 'invalid', final: true }],
  ['unknown-option', { class: 'invalid', final: true }],
  ['sigterm', { class: 'crash' }],
  ['sigint', { class: 'crash' }],
])('%s', (name, means) => {
  const judged = judge(codexHeadless, codex(name));
  expect(judged).toEqual({ kind: 'failed', failure: { ...means, reason: expect.stringMatching(/\S/) } });
});

test('a limit that ends today is told by the hour alone', () => {
  const words = 'You’ve hit your usage limit. Try again later, or try again at 11:59 PM.';
  const lines = [JSON.stringify({ type: 'turn.failed', error: { message: words } })];
  const judged = judge(codexHeadless, { lines, stderr: '', code: 1 });
  const reset_at = judged.kind === 'failed' ? (judged.failure.reset_at ?? 0) : 0;
  expect(reset_at - NOW).toBeGreaterThan(-3_600_000);
  expect(reset_at - NOW).toBeLessThan(86_400_000);
});

test('tries that came to nothing are no failure once it has answered', () => {
  const { lines } = codex('success');
  const tries = [
    '{"type":"error","message":"Reconnecting... 1/5 (unexpected status 503 Service Unavailable)"}',
    '{"type":"error","message":"unexpected status 503 Service Unavailable"}',
  ];
  expect(judge(codexHeadless, { lines: [...tries, ...lines], stderr: '', code: 0 })).toEqual({ kind: 'done' });
  expect(judge(codexHeadless, { lines: tries, stderr: '', code: 1 })).toMatchObject({
    failure: { class: 'rate_limit' },
  });
});

test('no answer, no end of the turn, a signal, a code: none of them is a success', () => {
  const run = codex('success');
  const answerless = run.lines.filter((line) => !line.includes('agent_message'));
  const endless = run.lines.filter((line) => !line.includes('turn.completed'));
  const runs = [{ lines: answerless }, { lines: endless }, { signal: 'SIGTERM' }, { code: 1 }, { code: 143 }];
  for (const change of runs)
    expect(judge(codexHeadless, { ...run, ...change })).toMatchObject({ kind: 'failed', failure: { class: 'crash' } });
});

test('noise between its lines changes nothing', () => {
  const lines = codex('success').lines;
  const { state } = read(codexHeadless, lines);
  fc.assert(
    fc.property(noisy(lines), (all) => {
      expect(read(codexHeadless, all).state).toEqual(state);
    }),
    { numRuns: 60 },
  );
});

test('a stream that is cut anywhere is no success before its turn has ended', () => {
  const run = codex('success');
  const text = run.lines.join('\n');
  const end = text.trimEnd().length;
  fc.assert(
    fc.property(fc.nat({ max: end - 1 }), (at) => {
      expect(judge(codexHeadless, { ...run, lines: text.slice(0, at).split('\n') }).kind).toBe('failed');
    }),
  );
});
