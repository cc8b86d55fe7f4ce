import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import type { StartOrder } from '../../../../src/runtime/agents/agent.ts';
import { compose } from '../../../../src/runtime/agents/claude/compose.ts';
import { CodingAgent } from '../../../../src/runtime/model/config.ts';

const ORDER: StartOrder = {
  agent: CodingAgent.parse({}),
  run_dir: '/home/me/runs/p/t/1',
  cwd: '/home/me/shop',
  prompt: '[fix.md] Fix the login.\n',
  conversation: '0d7a4c0e-0000-4000-8000-000000000001',
  permission_mode: 'acceptEdits',
  allowed_tools: [],
  reporter: '/home/me/reporter-abc.sh',
  wait_seconds: 1_860,
};

interface Settings {
  readonly hooks: Readonly<
    Record<string, readonly [{ readonly hooks: readonly [{ command: string; timeout: number }] }]>
  >;
  readonly skipDangerousModePermissionPrompt?: boolean;
}

function settingsOf(order: StartOrder): Settings {
  const [file] = compose(order).files;
  expect(file?.name).toBe('settings.json');
  return JSON.parse(file?.text ?? '') as Settings;
}

describe('the command line', () => {
  it('begins a conversation under the id that was chosen', () => {
    expect(compose(ORDER).argv).toEqual([
      'claude',
      `--session-id=${ORDER.conversation}`,
      '--settings=/home/me/runs/p/t/1/settings.json',
      '--permission-mode=acceptEdits',
      '--',
      ORDER.prompt,
    ]);
  });

  it('goes on with an earlier one, by its id or its file', () => {
    const { argv } = compose({ ...ORDER, resume: '/home/me/.claude/projects/-x/abc.jsonl' });
    expect(argv[1]).toBe('--resume=/home/me/.claude/projects/-x/abc.jsonl');
    expect(argv.join('\n')).not.toContain('--session-id');
  });

  it('puts the configured program and arguments first, then model, mode and tools', () => {
    const agent = CodingAgent.parse({ program: ['nice', 'claude'], args: ['--verbose'] });
    const order = {
      ...ORDER,
      agent,
      model: '--help',
      permission_mode: 'default',
      allowed_tools: ['Read', 'Bash(git *)'],
    };
    const { argv } = compose(order as StartOrder);
    expect(argv.slice(0, 3)).toEqual(['nice', 'claude', '--verbose']);
    expect(argv.slice(5, -2)).toEqual([
      '--permission-mode=manual',
      '--model=--help',
      '--allowedTools=Read,Bash(git *)',
    ]);
  });

  it('names the account by its directory', () => {
    expect(compose(ORDER).env).not.toHaveProperty('CLAUDE_CONFIG_DIR');
    expect(compose({ ...ORDER, config_dir: '/home/me/.claude-work' }).env.CLAUDE_CONFIG_DIR).toBe(
      '/home/me/.claude-work',
    );
  });
});

describe('the prompt', () => {
  const arrives = (prompt: string) => compose({ ...ORDER, prompt }).argv.at(-1);

  it('arrives byte for byte', () => {
    const prompt = `[x] "quotes" 'single' \`date\` $(touch x) \\ é ✓ ❤️ 👩‍💻 #{pane_id}\n\ttab\n${'line\n'.repeat(8_000)}`;
    expect(arrives(prompt)).toBe(prompt);
  });

  it.each(['-p', '--help me', '!rm -rf x', '/clear', '  /exit now', 'update', ' mcp\n', ''])(
    'is never taken for an option or a command: %j',
    (prompt) => {
      expect(compose({ ...ORDER, prompt }).argv.at(-2)).toBe('--');
      expect(arrives(prompt)).toBe(`Your task:\n\n${prompt}`);
    },
  );

  it('holds nothing that no argument or terminal may hold', () => {
    expect(arrives('a b\0c\u001b]0;title\u0007\r\nd\u009b31m')).toBe('a bc]0;title\nd31m');
  });
});

describe('the settings', () => {
  it('report every event that the state is folded from, and wait for answers as long as asked', () => {
    const { hooks } = settingsOf(ORDER);
    for (const event of ['SessionStart', 'UserPromptSubmit', 'PreToolUse', 'Stop', 'StopFailure', 'SessionEnd'])
      expect(hooks[event]?.[0].hooks[0].timeout).toBe(30);
    expect(hooks.PermissionRequest?.[0].hooks[0].timeout).toBe(1_860);
  });

  it('give a shell the paths as they are', () => {
    const run_dir = '/tmp/it\'s $HOME `x` "q" #{y}/1';
    const { command } = settingsOf({ ...ORDER, run_dir, reporter: '/my home/r.sh' }).hooks.Stop?.[0].hooks[0] ?? {};
    const words = execFileSync('/bin/sh', ['-c', String(command).replace('exec /bin/sh', 'printf "%s\\n"')]);
    expect(words.toString()).toBe(`/my home/r.sh\n${run_dir}\nStop\n`);
  });

  it('accept the warning of a mode only where that mode was chosen', () => {
    expect(settingsOf(ORDER).skipDangerousModePermissionPrompt).toBeUndefined();
    expect(settingsOf({ ...ORDER, permission_mode: 'bypassPermissions' }).skipDangerousModePermissionPrompt).toBe(true);
  });

  it('hold nothing of the task', () => {
    const order = { ...ORDER, prompt: 'SECRET `touch x`', model: 'SECRET', allowed_tools: ['SECRET'] };
    expect(
      compose(order)
        .files.map(({ text }) => text)
        .join(),
    ).not.toContain('SECRET');
  });
});
