import { describe, expect, it } from 'vitest';
import { claudeHeadless } from '../../../../src/runtime/agents/claude/headless.ts';
import type { HeadlessOrder } from '../../../../src/runtime/agents/headless.ts';
import { CodingAgent } from '../../../../src/runtime/model/config.ts';

const ORDER: HeadlessOrder = {
  agent: CodingAgent.parse({}),
  run_dir: "/home/o'me/runs/p/t/1",
  cwd: '/home/me/shop',
  prompt: '[fix.md] Fix the login.\n',
  conversation: '0d7a4c0e-0000-4000-8000-000000000001',
  permission_mode: 'acceptEdits',
  allowed_tools: [],
};

function messageIn(line: string): string {
  expect(line.indexOf('\n')).toBe(line.length - 1);
  return JSON.parse(line).message.content[0].text;
}

describe('the command line', () => {
  it('holds every value with its option, and nothing of the prompt', () => {
    expect(claudeHeadless.compose(ORDER).argv).toEqual([
      'claude',
      '-p',
      '--output-format=stream-json',
      '--verbose',
      '--input-format=stream-json',
      '--replay-user-messages',
      `--session-id=${ORDER.conversation}`,
      "--settings=/home/o'me/runs/p/t/1/settings.json",
      '--permission-mode=acceptEdits',
    ]);
  });

  it('goes on with an earlier conversation, within the bounds of the task', () => {
    const { argv, env } = claudeHeadless.compose({
      ...ORDER,
      resume: '/home/me/.claude-work/projects/x/1.jsonl',
      config_dir: '/home/me/.claude-work',
      permission_mode: 'default',
      model: 'opus',
      allowed_tools: ['Bash(git log:*)', 'Read'],
      budget_usd: 2.5,
      max_turns: 12,
      result_schema: { type: 'object' },
    });
    expect(argv.slice(6)).toEqual([
      '--resume=/home/me/.claude-work/projects/x/1.jsonl',
      "--settings=/home/o'me/runs/p/t/1/settings.json",
      '--permission-mode=manual',
      '--model=opus',
      '--allowedTools=Bash(git log:*),Read',
      '--max-budget-usd=2.5',
      '--max-turns=12',
      '--json-schema={"type":"object"}',
    ]);
    expect(env).toEqual({ CLAUDE_CONFIG_DIR: '/home/me/.claude-work' });
  });
});

describe('its settings', () => {
  it('let requests wait for an answer, and hook nothing else', () => {
    const asks = { reporter: '/home/me/reporter-abc.sh', wait_seconds: 1_860 };
    const { argv, files } = claudeHeadless.compose({ ...ORDER, asks });
    expect(argv).toContain('--permission-prompt-tool=stdio'); // without it there are no questions
    const { hooks } = JSON.parse(files[0]?.text ?? '');
    const command = String.raw`exec /bin/sh '/home/me/reporter-abc.sh' '/home/o'\''me/runs/p/t/1' PermissionRequest`;
    expect(hooks).toEqual({ PermissionRequest: [{ hooks: [{ type: 'command', command, timeout: 1_860 }] }] });
  });

  it('hook nothing where nobody answers', () => {
    expect(claudeHeadless.compose(ORDER).files[0]?.text).not.toContain('hooks');
  });
});

describe('what it is told', () => {
  it('is one line, whatever is in it', () => {
    const prompt = 'one\r\ntwo "three"\u2028\u0000';
    const { input } = claudeHeadless.compose({ ...ORDER, prompt });
    expect(input.kind).toBe('stream');
    expect(messageIn('text' in input ? input.text : '')).toBe(prompt);
  });

  it.each(['/clear', '  /compact now'])('is no command of its own: %j', (text) => {
    expect(messageIn(claudeHeadless.message?.(text) ?? '')).toBe(`Your task:\n\n${text}`);
  });
});
