import type { PermissionMode } from '../../model/spec.ts';
import type { Start, StartOrder } from '../agent.ts';
import { promptArgument } from './prompt.ts';

/** The program has no mode that decides alone, or that refuses without asking: those ask. */
const MODE: Readonly<Record<PermissionMode, string>> = {
  plan: 'plan',
  default: 'default',
  acceptEdits: 'auto_edit',
  auto: 'default',
  dontAsk: 'default',
  bypassPermissions: 'yolo',
};

/** What `models` says where nobody has configured it: no other program knows these names. */
const OF_CLAUDE = /^(?:opus|sonnet|haiku|claude\b)/;

/**
 * Every value is one argument with its option (`--model=x`), so that none can be taken for an option. Trust is given for
 * this run alone (accept.ts sees to it that the person has not refused it). Without GEMINI_CLI_NO_RELAUNCH the program
 * starts itself a second time, and the process in the pane would not be the agent.
 */
export function compose(order: StartOrder): Start {
  const { agent, model, allowed_tools } = order;
  const [program = 'gemini', ...first] = agent.program ?? ['gemini'];
  return {
    argv: [
      program,
      ...first,
      ...agent.args,
      '--skip-trust',
      order.resume === undefined ? `--session-id=${order.conversation}` : `--resume=${order.conversation}`,
      `--approval-mode=${MODE[order.permission_mode]}`,
      ...(model === undefined || OF_CLAUDE.test(model) ? [] : [`--model=${model}`]),
      ...allowed_tools.map((tool) => `--allowed-tools=${tool}`),
      `--prompt-interactive=${promptArgument(order.prompt)}`,
    ],
    env: {
      GEMINI_CLI_NO_RELAUNCH: 'true',
      YARDMASTER_REPORTER: order.reporter, // with YARDMASTER_RUN_DIR it wakes the hooks
      ...(order.config_dir === undefined ? {} : { GEMINI_CLI_HOME: order.config_dir }),
    },
    files: [],
  };
}
