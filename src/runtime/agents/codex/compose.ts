import type { PermissionMode } from '../../model/spec.ts';
import type { Start, StartOrder } from '../agent.ts';
import { positional } from '../positional.ts';
import { hookOverrides, toml } from './hooks.ts';

/*
 * What each mode lets Codex (0.169.0) do: its sandbox holds what it does, and what would leave the sandbox is asked for.
 * `plan` changes nothing whatever is answered; `dontAsk` stays in the sandbox and never asks.
 */
const MODE: Readonly<Record<PermissionMode, readonly string[]>> = {
  plan: ['--sandbox=read-only', '--ask-for-approval=never'],
  default: ['--sandbox=read-only', '--ask-for-approval=on-request'],
  acceptEdits: ['--sandbox=workspace-write', '--ask-for-approval=on-request'],
  auto: ['--approve-for-me'],
  dontAsk: ['--sandbox=workspace-write', '--ask-for-approval=never'],
  bypassPermissions: ['--dangerously-bypass-approvals-and-sandbox'],
};

/**
 * The command line; nothing of the person's configuration is written. Without a server of its own in the background the
 * process in the pane is the agent, and ends with it. What comes from a task reaches only single arguments.
 */
export function compose(order: StartOrder): Start {
  const { agent, model, resume } = order;
  const [program = 'codex', ...first] = agent.program ?? ['codex'];
  const overrides = [
    'check_for_update_on_startup=false', // an Enter would begin the update
    `projects={${toml(order.cwd)}={trust_level="trusted"}}`, // for this process; accept.ts has asked for a no
    ...hookOverrides(order),
  ];
  return {
    argv: [
      program,
      ...first,
      ...agent.args,
      ...(resume === undefined ? [] : ['resume']),
      '--no-daemon',
      '--no-alt-screen',
      ...MODE[order.permission_mode],
      ...(model === undefined ? [] : [`--model=${model}`]),
      ...overrides.flatMap((override) => ['-c', override]),
      '--',
      ...(resume === undefined ? [] : [order.conversation]),
      positional(order.prompt),
    ],
    env: order.config_dir === undefined ? {} : { CODEX_HOME: order.config_dir },
    files: [],
  };
}
