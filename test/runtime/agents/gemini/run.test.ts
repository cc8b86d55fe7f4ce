import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Heard, StartOrder } from '../../../../src/runtime/agents/agent.ts';
import { accept } from '../../../../src/runtime/agents/gemini/accept.ts';
import { compose } from '../../../../src/runtime/agents/gemini/compose.ts';
import { hear } from '../../../../src/runtime/agents/gemini/hear.ts';
import { HOOKS_BLOCK } from '../../../../src/runtime/agents/gemini/hooks.ts';
import { systemClock } from '../../../../src/runtime/io/clock.ts';
import { DiskFiles } from '../../../../src/runtime/io/files.ts';
import { CodingAgent } from '../../../../src/runtime/model/config.ts';

/** What each hook of the real program was told. */
const samples = JSON.parse(
  readFileSync(new URL('../../../fixtures/hooks/gemini-0.61.0.json', import.meta.url), 'utf8'),
) as Record<string, Record<string, unknown>>;
const heard = (payload: unknown) => hear({ name: '1-2-X', at: 5, text: JSON.stringify(payload) });

describe('what the hooks say', () => {
  it.each<[string, Partial<Heard>]>([
    ['SessionStart:startup', { kind: 'ready' }],
    ['BeforeAgent', { kind: 'prompt', prompt: 'first [[sh:echo hi > f.txt;;say:All done.]]' }],
    ['BeforeTool', { kind: 'tool_begins', tool: 'run_shell_command' }],
    ['AfterTool', { kind: 'tool_ended', tool: 'run_shell_command' }],
    [
      'Notification:exec',
      {
        kind: 'dialog',
        what: 'it asks for permission, which can be given at its terminal only: Tool Confirm Shell Command requires execution',
      },
    ],
    ['Notification:ask_user', { kind: 'dialog', what: 'it asks a question that can be answered at its terminal only' }],
    ['AfterAgent', { kind: 'turn_ended', message: 'All done.', background: 0 }],
    ['SessionEnd', { kind: 'left', reason: 'exit' }],
  ])('%s', (name, meaning) => {
    expect(heard(samples[name])?.heard).toMatchObject(meaning);
  });

  it('names its conversation and the file of it, but for the file of a start: that is a wrong one', () => {
    expect(heard(samples.BeforeAgent)).toMatchObject({
      conversation: '21111111-2222-4333-8444-555555555557',
      transcript: expect.stringMatching(/chats\/session-.*-21111111\.jsonl$/),
    });
    expect(heard(samples['SessionStart:resume'])).not.toHaveProperty('transcript');
  });

  it('what is unknown is a sign of life, what is no report is none', () => {
    expect(heard({ ...samples.BeforeAgent, hook_event_name: 'New' })?.heard).toEqual({ kind: 'other', what: 'New' });
    expect(heard({ ...samples.AfterAgent, prompt_response: 7 })?.heard.kind).toBe('other');
    expect(hear({ name: 'x', at: 1, text: '{"half' })).toBeUndefined();
  });
});

const order: StartOrder = {
  agent: CodingAgent.parse({}),
  ...{ run_dir: '/runs/1', cwd: '/shop', prompt: 'Do it.', conversation: 'c-1' },
  ...{ permission_mode: 'default', allowed_tools: [], reporter: '/home/r.sh', wait_seconds: 60 },
};

describe('the command line', () => {
  it('begins a conversation, or goes on with one, and asks before it acts', () => {
    expect(compose(order).argv).toEqual([
      ...['gemini', '--skip-trust', '--session-id=c-1', '--approval-mode=default', '--prompt-interactive=Do it.'],
    ]);
    expect(compose({ ...order, resume: '/chats/x.jsonl' }).argv).toContain('--resume=c-1');
    expect(compose(order).env).toEqual({ GEMINI_CLI_NO_RELAUNCH: 'true', YARDMASTER_REPORTER: '/home/r.sh' });
    expect(compose({ ...order, config_dir: '/acc' }).env).toMatchObject({ GEMINI_CLI_HOME: '/acc' });
  });

  it('allows no more than was asked for', () => {
    const mode = (permission_mode: StartOrder['permission_mode']) =>
      compose({ ...order, permission_mode }).argv.find((word) => word.startsWith('--approval-mode='));
    expect(mode('plan')).toBe('--approval-mode=plan');
    expect(mode('dontAsk')).toBe('--approval-mode=default');
    expect(mode('auto')).toBe('--approval-mode=default');
    expect(mode('acceptEdits')).toBe('--approval-mode=auto_edit');
    expect(mode('bypassPermissions')).toBe('--approval-mode=yolo');
  });

  it('names no model of another program', () => {
    expect(compose({ ...order, model: 'gemini-2.5-pro' }).argv).toContain('--model=gemini-2.5-pro');
    expect(compose({ ...order, model: 'sonnet' }).argv.join(' ')).not.toContain('--model');
  });

  it('gives the prompt as it is, but never as a command', () => {
    const prompt = (text: string) => compose({ ...order, prompt: text }).argv.at(-1);
    const strange = `it's "q" \`x\` $(y)\n\t-- émoji 🎉\n`;
    expect(prompt(strange)).toBe(`--prompt-interactive=${strange}`);
    expect(prompt('/quit')).toBe('--prompt-interactive=Your task:\n\n/quit');
    expect(prompt('a\u0000b\r\nc\u001b')).toBe('--prompt-interactive=ab\nc');
  });
});

describe('before a start', () => {
  let home: string;
  beforeEach(async () => {
    home = await realpath(await mkdtemp(join(tmpdir(), 'ym-gemini-')));
    await mkdir(join(home, '.gemini'));
    await mkdir(join(home, 'shop'));
  });
  afterEach(() => rm(home, { recursive: true, force: true }));

  const put = (name: string, value: unknown) => writeFile(join(home, '.gemini', name), JSON.stringify(value));
  const accepted = () => accept({ files: new DiskFiles(), clock: systemClock() }, { home, cwd: join(home, 'shop') });

  it('our hooks have to stand in the settings; nothing is written', async () => {
    expect(await accepted()).toMatchObject({ message: expect.stringContaining('SessionStart') });
    await put('settings.json', { ui: {}, ...HOOKS_BLOCK });
    expect(await accepted()).toBeUndefined();
  });

  it('the README shows them as they have to be', () => {
    const readme = readFileSync(new URL('../../../../README.md', import.meta.url), 'utf8');
    expect(readme).toContain(JSON.stringify(HOOKS_BLOCK, null, 2));
  });

  it('a folder that the person does not trust stays so', async () => {
    await put('settings.json', HOOKS_BLOCK);
    await put('trustedFolders.json', { [home]: 'DO_NOT_TRUST' });
    expect(await accepted()).toMatchObject({ message: expect.stringContaining('not to be trusted') });
    await put('trustedFolders.json', { [home]: 'DO_NOT_TRUST', [join(home, 'shop')]: 'TRUST_FOLDER' });
    expect(await accepted()).toBeUndefined();
    await writeFile(join(home, '.gemini', 'trustedFolders.json'), '{ half');
    expect(await accepted()).toMatchObject({ message: expect.stringContaining('not JSON') });
  });
});
