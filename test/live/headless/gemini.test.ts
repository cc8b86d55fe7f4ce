import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { geminiHeadless } from '../../../src/runtime/agents/gemini/headless.ts';
import { DiskFiles } from '../../../src/runtime/io/files.ts';
import type { ScriptedModel } from '../model/model.ts';
import type { Step } from '../model/script.ts';
import { program } from '../program.ts';
import { Alone, type Told } from './alone.ts';

/* The real Gemini CLI without a terminal, with a scripted model behind it; RECORD_STREAMS=1 keeps what it prints as fixtures. */

const gemini = program('gemini');

let alone: Alone;
afterEach(() => alone?.close(), 30_000);

const SETTINGS = {
  security: { auth: { selectedType: 'gemini-api-key' } },
  privacy: { usageStatisticsEnabled: false },
  general: { disableAutoUpdate: true, disableUpdateNag: true, maxAttempts: 2 },
};

async function open(steps: readonly Step[], fails?: ScriptedModel['fails'], more: object = {}): Promise<void> {
  alone = await Alone.open(geminiHeadless, gemini(), steps);
  alone.model.fails = fails;
  alone.write('.gemini/settings.json', JSON.stringify({ ...SETTINGS, ...more }));
}

const run = (told: Told = {}) => alone.run({ model: 'gemini-2.5-flash', ...told });
const shell = (command: string) => ({ call: 'run_shell_command', with: { command, description: 'A step' } });
const write = (file_path: string) => ({ call: 'write_file', with: { file_path, content: '8080\n' } });
const done: Step = () => ({ say: 'The port is 8080 now.' });
const port = () => join(alone.shop, 'port');

test('it works with tools, and its answer comes; the conversation goes on where that is asked for', async () => {
  await open([() => write('port'), done, done]);
  const first = await run({ prompt: '/help --me: write the port.', as: 'success' });
  expect(first.verdict).toEqual({ kind: 'done' });
  expect(first.state).toMatchObject({
    idle: true,
    answer: { text: 'The port is 8080 now.' },
    conversation: '0b2b2a5c-1111-4222-8333-000000000001',
    usage: { input_tokens: 200, output_tokens: 20 },
    results: 1,
    denials: [],
  });
  expect(readFileSync(port(), 'utf8')).toBe('8080\n');
  expect(alone.model.asked.at(-1)?.words).toContain('/help --me: write the port.');
  const conversation = first.state.conversation ?? '';
  const second = await run({ prompt: 'Go on.', conversation, resume: conversation, as: 'resumed' });
  expect(second.verdict).toEqual({ kind: 'done' });
  expect(second.state).toMatchObject({ conversation, usage: { input_tokens: 100, output_tokens: 10 } });
  expect(alone.model.asked.at(-1)?.words).toMatch(/write the port.*Go on\./s);
}, 180_000);

test('what a mode does not allow is refused and told; what is allowed by name is not', async () => {
  await open([() => shell('touch port'), () => write('other'), done]);
  const refused = await run({ as: 'refused' });
  expect(refused.verdict).toEqual({ kind: 'done' });
  expect(refused.state.denials).toEqual([
    { tool: 'run_shell_command', input: '{"command":"touch port","description":"A step"}' },
  ]);
  expect([existsSync(port()), existsSync(join(alone.shop, 'other'))]).toEqual([false, true]);
  const reads = await run({ permission_mode: 'plan' });
  expect(reads.state.denials.map(({ tool }) => tool)).toContain('run_shell_command');
  const inPart = await run({
    permission_mode: 'default',
    allowed_tools: ['run_shell_command(git)'],
    as: 'refused-in-part',
  });
  expect(inPart.state.denials.map(({ tool }) => tool)).toEqual(['run_shell_command', 'write_file']);
  expect(existsSync(port())).toBe(false);
  const allowed = await run({ permission_mode: 'default', allowed_tools: ['run_shell_command(touch)', 'write_file'] });
  expect(allowed.state.denials).toEqual([]);
  expect(existsSync(port())).toBe(true);
  const all = await run({ permission_mode: 'bypassPermissions', as: 'shell' });
  expect(all.state.denials).toEqual([]);
}, 180_000);

test('a command that needs a consent is refused even where its tool is allowed', async () => {
  await open([() => shell('echo 8080 > port'), done]);
  const ran = await run({ permission_mode: 'default', allowed_tools: ['run_shell_command'], as: 'refused-consent' });
  expect(ran.state.denials).toMatchObject([{ tool: 'run_shell_command' }]);
  expect(existsSync(port())).toBe(false);
}, 180_000);

test('a schema stands in the prompt: it has no option for one', async () => {
  await open([() => ({ say: '{"port":8080}' })]);
  const ran = await run({ result_schema: { type: 'object' } });
  expect([ran.verdict, ran.state.answer?.text]).toEqual([{ kind: 'done' }, '{"port":8080}']);
  expect(alone.model.asked.at(-1)?.words).toMatch(/Do the work\..*JSON Schema:\n\{"type":"object"\}/s);
}, 180_000);

const FAILURES: readonly [as: string, fails: NonNullable<ScriptedModel['fails']>, means: object][] = [
  [
    'too-long',
    {
      status: 400,
      message: 'The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).',
      error: { code: 400, status: 'INVALID_ARGUMENT' },
    },
    { class: 'context_overflow', fresh: true },
  ],
  ['400', { status: 400, message: 'Request contains an invalid argument.' }, { class: 'logic_error' }],
  ['401', { status: 401, message: 'Not this key.' }, { class: 'auth', account: 'login' }],
  [
    '403',
    { status: 403, message: 'No.', error: { code: 403, status: 'PERMISSION_DENIED' } },
    { class: 'auth', account: 'login' },
  ],
  ['404', { status: 404, message: 'No such model.' }, { class: 'invalid', final: true }],
  [
    '429',
    {
      status: 429,
      message: 'Resource has been exhausted (e.g. check quota).',
      error: { code: 429, status: 'RESOURCE_EXHAUSTED' },
    },
    { class: 'rate_limit' },
  ],
  [
    '429-daily',
    {
      status: 429,
      message: 'You exceeded your current quota, please check your plan and billing details.',
      error: {
        code: 429,
        status: 'RESOURCE_EXHAUSTED',
        details: [
          {
            '@type': 'type.googleapis.com/google.rpc.QuotaFailure',
            violations: [{ quotaId: 'GenerateRequestsPerDayPerProjectPerModel-FreeTier' }],
          },
        ],
      },
    },
    { class: 'rate_limit', account: 'limit' },
  ],
  [
    '500',
    { status: 500, message: 'An internal error has occurred.', error: { code: 500, status: 'INTERNAL' } },
    { class: 'crash' },
  ],
  [
    '503',
    {
      status: 503,
      message: 'The model is overloaded. Please try again later.',
      error: { code: 503, status: 'UNAVAILABLE' },
    },
    { class: 'rate_limit' },
  ],
];

test.each(FAILURES)(
  '%s',
  async (as, fails, means) => {
    await open([], fails);
    const ran = await run({ as: `failed-${as}` });
    expect(ran.verdict).toMatchObject({ kind: 'failed', failure: means });
  },
  60_000,
);

test('its signals end it with 0 and no result, which is no success; the conversation goes on after them', async () => {
  await open([() => shell('echo begun; sleep 5'), done]);
  const kill = { when: 'tool_use', signal: 'SIGTERM' } as const;
  const killed = await run({ permission_mode: 'bypassPermissions', kill, as: 'sigterm' });
  expect([killed.code, killed.verdict]).toMatchObject([0, { kind: 'failed', failure: { class: 'crash' } }]);
  await run({ permission_mode: 'bypassPermissions', kill: { ...kill, signal: 'SIGINT' }, as: 'sigint' });
  const dead = await run({ permission_mode: 'bypassPermissions', kill: { ...kill, signal: 'SIGKILL' } });
  const conversation = dead.state.conversation ?? '';
  const again = await run({
    permission_mode: 'bypassPermissions',
    conversation,
    resume: conversation,
    as: 'resumed-after-kill',
  });
  expect([again.verdict, again.state.conversation]).toEqual([{ kind: 'done' }, conversation]);
}, 180_000);

test('what it complains about before it begins', async () => {
  await open([done]);
  const conversation = '0b2b2a5c-1111-4222-8333-444455556666';
  const lost = await run({ conversation, resume: conversation, as: 'nothing-to-resume' });
  expect(lost.verdict).toMatchObject({ failure: { class: 'crash', fresh: true } });
  await run({ conversation });
  const twice = await run({ conversation, as: 'id-in-use' });
  expect(twice.verdict).toMatchObject({ failure: { class: 'crash', fresh: true } });
  const keyless = await run({ env: { GEMINI_API_KEY: '' }, as: 'no-key' });
  expect(keyless.verdict).toMatchObject({ failure: { class: 'auth', account: 'login' } });
  const option = await run({ args: ['--nope'], as: 'unknown-option' });
  expect(option.verdict).toMatchObject({ failure: { class: 'invalid', final: true } });
  alone.write('.gemini/settings.json', '{ nope');
  const broken = await run({ as: 'settings-broken' });
  expect(broken.verdict).toMatchObject({ failure: { class: 'invalid', final: true } });
}, 180_000);

test('a limit of turns in the settings of the person ends it', async () => {
  await open([() => shell('touch port'), done], undefined, { model: { maxSessionTurns: 1 } });
  const ran = await run({ permission_mode: 'bypassPermissions', as: 'turn-limit' });
  expect([ran.code, ran.verdict]).toMatchObject([53, { kind: 'failed', failure: { class: 'logic_error' } }]);
}, 180_000);

test('a folder that a person does not trust is left alone', async () => {
  await open([done]);
  const where = { home: alone.home, cwd: alone.shop };
  const files = new DiskFiles();
  expect(await geminiHeadless.refuses?.(files, where)).toBeUndefined();
  alone.write('.gemini/trustedFolders.json', JSON.stringify({ [alone.shop]: 'DO_NOT_TRUST' }));
  expect((await geminiHeadless.refuses?.(files, where))?.message).toContain('not to be trusted');
});
