import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { codexHeadless } from '../../../src/runtime/agents/codex/headless.ts';
import { modelAt } from '../agents/codex.ts';
import type { ScriptedModel } from '../model/model.ts';
import type { Reply, Step } from '../model/script.ts';
import { program } from '../program.ts';
import { Alone } from './alone.ts';

/* The real `codex exec` with a scripted model behind it; RECORD_STREAMS=1 keeps what it prints as fixtures. */

const codex = program('codex');

let alone: Alone;
afterEach(() => alone?.close(), 30_000);

async function open(steps: readonly Step[], fails?: ScriptedModel['fails']): Promise<void> {
  alone = await Alone.open(codexHeadless, codex(), steps);
  alone.model.fails = fails;
  const tries = 'request_max_retries = 1\nstream_max_retries = 1\n';
  alone.write('.codex/config.toml', `${modelAt(alone.model.url)}${tries}`);
}

const command = (cmd: string, more: object = {}): Reply => ({
  call: 'exec_command',
  with: { cmd, yield_time_ms: 30_000, ...more },
});
const done: Step = () => ({ say: 'The port is 8080 now.' });

test('it works with tools, and its answer comes; the conversation goes on where that is asked for', async () => {
  await open([() => command('echo 8080 > port; cat port'), done]);
  const first = await alone.run({ prompt: '--help\n/help me: write the port.', as: 'success' });
  expect(first.verdict).toEqual({ kind: 'done' });
  expect(first.state).toMatchObject({ idle: true, answer: { text: 'The port is 8080 now.' }, results: 1 });
  expect(readFileSync(join(alone.shop, 'port'), 'utf8')).toBe('8080\n');
  expect(readFileSync(join(alone.root, 'runs/1/last-message.md'), 'utf8')).toBe('The port is 8080 now.');
  expect(alone.model.asked.at(-1)?.words).toContain('--help\n/help me: write the port.');
  const conversation = first.state.conversation ?? '';
  const second = await alone.run({
    prompt: 'Go on.',
    conversation,
    resume: conversation,
    model: 'other',
    as: 'resumed',
  });
  expect(second.verdict).toEqual({ kind: 'done' });
  expect(second.state).toMatchObject({ conversation, usage: { input_tokens: 300 }, usage_of_conversation: true });
  expect(alone.model.asked.at(-1)?.words).toMatch(/write the port.*Go on\./s);
  expect(readFileSync(join(alone.root, 'runs/2/last-message.md'), 'utf8')).toBe('The port is 8080 now.');
}, 180_000);

test('a sandbox that may only read refuses to write, and what wants to leave it is refused and told', async () => {
  const outside = { sandbox_permissions: 'require_escalated', justification: 'May I?' };
  await open([() => command('echo 8080 > port'), () => command('echo 8080 > port', outside), done]);
  const ran = await alone.run({ permission_mode: 'plan', as: 'refused' });
  expect(ran.verdict).toMatchObject({ kind: 'done', denials: [{ tool: 'exec_command' }] });
  expect(() => readFileSync(join(alone.shop, 'port'))).toThrow();
}, 180_000);

test('a tool of a server that changes something is refused, and its stream says so', async () => {
  await open([() => ({ call: 'change', space: 'mcp__one', with: {} }), done]);
  const server = `command = "${process.execPath}"\nargs = ["${fileURLToPath(new URL('./one-tool.mjs', import.meta.url))}"]`;
  const config = readFileSync(join(alone.home, '.codex/config.toml'), 'utf8');
  alone.write('.codex/config.toml', `${config}\n[mcp_servers.one]\n${server}\nrequired = true\n`);
  const ran = await alone.run({ as: 'refused-mcp' });
  expect(ran.state.denials).toEqual([{ tool: 'one.change', input: '{}' }]);
}, 180_000);

test('each mode is known to it, at the start and when it goes on', async () => {
  await open([done]);
  for (const permission_mode of ['default', 'auto', 'dontAsk', 'bypassPermissions'] as const) {
    const ran = await alone.run({ permission_mode });
    expect([permission_mode, ran.verdict, ran.stderr]).toEqual([permission_mode, { kind: 'done' }, expect.anything()]);
    const conversation = ran.state.conversation ?? '';
    const again = await alone.run({ permission_mode, conversation, resume: conversation });
    expect([permission_mode, again.verdict]).toEqual([permission_mode, { kind: 'done' }]);
  }
}, 180_000);

test('a schema that its service takes is given to it; another stands in the prompt', async () => {
  await open([() => ({ say: '{"port":8080}' })]);
  const port = {
    type: 'object',
    properties: { port: { type: 'number' } },
    required: ['port'],
    additionalProperties: false,
  };
  const ran = await alone.run({ result_schema: port, as: 'structured' });
  expect([ran.verdict, ran.state.answer?.text]).toEqual([{ kind: 'done' }, '{"port":8080}']);
  expect(alone.model.asked.at(-1)?.words).not.toContain('JSON Schema');
  await alone.run({ result_schema: { ...port, additionalProperties: true } });
  expect(alone.model.asked.at(-1)?.words).toMatch(/Do the work\..*JSON Schema:\n\{"type":"object"/s);
}, 180_000);

const FAILURES: readonly [as: string, fails: NonNullable<ScriptedModel['fails']>, means: object][] = [
  ['401', { status: 401, message: 'Incorrect API key provided' }, { class: 'auth', account: 'login' }],
  ['402', { status: 402, message: 'Payment required' }, { class: 'billing', account: 'billing' }],
  ['404', { status: 404, message: 'There is no such model.' }, { class: 'invalid', final: true }],
  ['429', { status: 429, message: 'Rate limit reached' }, { class: 'rate_limit' }],
  [
    'usage-limit',
    {
      status: 429,
      message: 'The usage limit has been reached',
      error: { type: 'usage_limit_reached', plan_type: 'plus', resets_at: Date.parse('2026-11-24T19:23:00Z') / 1_000 },
    },
    { class: 'rate_limit', account: 'limit' },
  ],
  [
    'quota',
    {
      status: 429,
      message: 'You exceeded your current quota.',
      error: { type: 'insufficient_quota', code: 'insufficient_quota' },
    },
    { class: 'billing', account: 'billing' },
  ],
  ['500', { status: 500, message: 'The server had an error' }, { class: 'crash' }],
  ['503', { status: 503, message: 'Overloaded' }, { class: 'rate_limit' }],
  [
    'too-long',
    {
      status: 400,
      message: 'Your input exceeds the context window of this model.',
      error: { type: 'invalid_request_error', code: 'context_length_exceeded' },
    },
    { class: 'context_overflow', fresh: true },
  ],
  [
    '400',
    { status: 400, message: 'Invalid value.', error: { type: 'invalid_request_error' } },
    { class: 'logic_error' },
  ],
];

test.each(FAILURES)(
  '%s',
  async (as, fails, means) => {
    await open([], fails);
    const ran = await alone.run({ as: `failed-${as}` });
    expect(ran.verdict).toMatchObject({ kind: 'failed', failure: means });
  },
  60_000,
);

test('a signal in the middle of a tool is no end of a turn; the conversation goes on after it', async () => {
  await open([() => command('echo begun; sleep 5'), done]);
  const kill = { when: 'item.started', signal: 'SIGTERM' } as const;
  const ran = await alone.run({ kill, as: 'sigterm' });
  expect(ran.verdict).toMatchObject({ kind: 'failed', failure: { class: 'crash' } });
  const conversation = ran.state.conversation ?? '';
  expect(conversation).toMatch(/^[0-9a-f-]{36}$/);
  await alone.run({ kill: { ...kill, signal: 'SIGINT' }, as: 'sigint' });
  const killed = await alone.run({ kill: { ...kill, signal: 'SIGKILL' } });
  const resumed = killed.state.conversation ?? '';
  const again = await alone.run({ conversation: resumed, resume: resumed, as: 'resumed-after-kill' });
  expect([again.verdict, again.state.conversation]).toEqual([{ kind: 'done' }, resumed]);
}, 180_000);

test('what it complains about before it begins', async () => {
  await open([done]);
  const unknown = '0199aaaa-0000-7000-8000-000000000000';
  const lost = await alone.run({ conversation: unknown, resume: unknown, as: 'nothing-to-resume' });
  expect(lost.verdict).toMatchObject({ failure: { class: 'crash', fresh: true } });
  const empty = await alone.run({ prompt: '', as: 'no-prompt' });
  expect(empty.verdict).toMatchObject({ failure: { class: 'invalid', final: true } });
  const option = await alone.run({ args: ['--nope'], as: 'unknown-option' });
  expect(option.verdict).toMatchObject({ failure: { class: 'invalid', final: true } });
  const long = await alone.run({ prompt: 'word '.repeat(220_000), as: 'prompt-too-long' });
  expect(long.verdict).toMatchObject({ failure: { class: 'context_overflow' } });
}, 180_000);
