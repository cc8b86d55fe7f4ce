import { join } from 'node:path';
import type { PermissionMode } from '../../model/spec.ts';
import type { Start, StartOrder } from '../agent.ts';
import { promptArgument } from './prompt.ts';
import { settingsText } from './settings.ts';

const SETTINGS = 'settings.json';

/** The program has no mode that decides alone, or that refuses without asking: those ask. */
const MODE: Readonly<Record<PermissionMode, string>> = {
  plan: 'plan',
  default: 'default',
  acceptEdits: 'auto_edit',
  auto: 'default',
  dontAsk: 'default',
  bypassPermissions: 'yolo',
};

/**
 * Every value is one argument with its option (`--model=x`), so that none can be taken for an option. Trust is given for
 * this run alone (accept.ts sees to it that the person has not refused it). Without GEMINI_CLI_NO_RELAUNCH the program
 * starts itself a second time, and the process in the pane would not be the agent.
 */
export function compose(order: StartOrder): Start {
  const { agent, model, allowed_tools, run_dir } = order;
  const [program = 'gemini', ...first] = agent.program ?? ['gemini'];
  return {
    argv: [
      program,
      ...first,
      ...agent.args,
      '--skip-trust',
      order.resume === undefined ? `--session-id=${order.conversation}` : `--resume=${order.conversation}`,
      `--approval-mode=${MODE[order.permission_mode]}`,
      ...(model === undefined ? [] : [`--model=${model}`]),
      ...allowed_tools.map((tool) => `--allowed-tools=${tool}`),
      `--prompt-interactive=${promptArgument(order.prompt)}`,
    ],
    env: {
      GEMINI_CLI_NO_RELAUNCH: 'true',
      GEMINI_CLI_SYSTEM_DEFAULTS_PATH: join(run_dir, SETTINGS),
      ...(order.config_dir === undefined ? {} : { GEMINI_CLI_HOME: order.config_dir }),
    },
    files: [{ name: SETTINGS, text: settingsText(order) }],
  };
}
