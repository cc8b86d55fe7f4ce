import { describe, expect, it } from 'vitest';
import type { StartOrder } from '../../../../src/runtime/agents/agent.ts';
import { compose } from '../../../../src/runtime/agents/codex/compose.ts';
import { CodingAgent } from '../../../../src/runtime/model/config.ts';
import { PermissionMode } from '../../../../src/runtime/model/spec.ts';

const ORDER: StartOrder = {
  agent: CodingAgent.parse({}),
  run_dir: "/home/me/it's/1",
  cwd: '/home/me/a "shop"',
  prompt: '[fix.md] Fix the login.\n',
  conversation: '01a1ff30-1afe-7e23-903f-ff986c038836',
  permission_mode: 'default',
  allowed_tools: [],
  reporter: '/home/me/reporter-abc.sh',
  wait_seconds: 1_860,
};

function overrides(order: StartOrder): string[] {
  const { argv } = compose(order);
  return argv.flatMap((argument, at) => (argument === '-c' ? [argv[at + 1] ?? ''] : []));
}

describe('the command line', () => {
  it('begins a conversation with the prompt as it is, without any server in the background', () => {
    const { argv, env, files } = compose(ORDER);
    expect(argv[0]).toBe('codex');
    expect(argv).toEqual(
      expect.arrayContaining(['--no-daemon', '--sandbox=read-only', '--ask-for-approval=on-request']),
    );
    expect(argv.slice(-2)).toEqual(['--', ORDER.prompt]);
    expect({ env, files }).toEqual({ env: {}, files: [] });
  });

  it('goes on with a conversation by its id, in the account that it has', () => {
    const { argv, env } = compose({ ...ORDER, resume: '/home/me/.codex/x.jsonl', config_dir: '/home/me/.codex-work' });
    expect(argv[1]).toBe('resume');
    expect(argv.slice(-3)).toEqual(['--', ORDER.conversation, ORDER.prompt]);
    expect(env).toEqual({ CODEX_HOME: '/home/me/.codex-work' });
  });

  it('takes the sandbox away in one mode alone', () => {
    const free = PermissionMode.options.filter((permission_mode) =>
      compose({ ...ORDER, permission_mode }).argv.some((argument) => /dangerously|danger-full/.test(argument)),
    );
    expect(free).toEqual(['bypassPermissions']);
    expect(compose({ ...ORDER, permission_mode: 'plan' }).argv).toContain('--ask-for-approval=never');
  });

  it('trusts the folder and its own hooks for this process, and no other hook', () => {
    const all = overrides(ORDER);
    expect(all).toContain('projects={"/home/me/a \\"shop\\""={trust_level="trusted"}}');
    expect(compose(ORDER).argv).not.toContain('--dangerously-bypass-hook-trust');
    expect(all).toContain(
      `hooks.Stop=[{hooks=[{type="command",command="exec /bin/sh '/home/me/reporter-abc.sh' '/home/me/it'\\\\''s/1' Stop",timeout=30}]}]`,
    );
    const hooks = all.filter((one) => /^hooks\.(?!state)/.test(one));
    expect(all.at(-1)?.match(/trusted_hash="sha256:[0-9a-f]{64}"/g)).toHaveLength(hooks.length);
  });

  it('gives each hook the sum by which Codex 0.169.0 knew this very text', () => {
    const state = overrides({ ...ORDER, run_dir: '/r', reporter: '/x' }).at(-1);
    expect(state).toContain(SUM_OF_STOP);
  });

  it('leaves a hook the time that Codex allows it, and a request as long as somebody may take', () => {
    const timeouts = Object.fromEntries(
      overrides(ORDER).flatMap((one) => {
        const [, event, seconds] = /^hooks\.(\w+)=.*timeout=(\d+)/.exec(one) ?? [];
        return event === undefined ? [] : [[event, Number(seconds)]];
      }),
    );
    expect(timeouts).toMatchObject({ PermissionRequest: 1_860, PreToolUse: 30, Interrupt: 3, SessionEnd: 3 });
  });
});

const SUM_OF_STOP =
  'stop:0:0"={trusted_hash="sha256:38ae97f30c7da8dad628e33bb1f268dbb4507994d134c349ea4eb1c903c9bae2"}';
