import { join } from 'node:path';
import type { PermissionMode } from '../../model/spec.ts';
import type { Start, StartOrder } from '../agent.ts';
import { positional } from '../positional.ts';
import { settingsText } from './settings.ts';

export const SETTINGS = 'settings.json';

/** `default` is what its payloads say; its command line calls it so. */
export const MODE: Readonly<Record<PermissionMode, string>> = {
  plan: 'plan',
  default: 'manual',
  acceptEdits: 'acceptEdits',
  auto: 'auto',
  dontAsk: 'dontAsk',
  bypassPermissions: 'bypassPermissions',
};

/**
 * The command line: every value is one argument with its option (`--model=x`), so that none of them can be taken for an
 * option, or as a further value of an option that takes many. What comes from a task reaches only arguments and files.
 */
export function compose(order: StartOrder): Start {
  const { agent, model, allowed_tools } = order;
  const [program = 'claude', ...first] = agent.program ?? ['claude'];
  return {
    argv: [
      program,
      ...first,
      ...agent.args,
      order.resume === undefined ? `--session-id=${order.conversation}` : `--resume=${order.resume}`,
      `--settings=${join(order.run_dir, SETTINGS)}`,
      `--permission-mode=${MODE[order.permission_mode]}`,
      ...(model === undefined ? [] : [`--model=${model}`]),
      ...(allowed_tools.length === 0 ? [] : [`--allowedTools=${allowed_tools.join(',')}`]),
      '--',
      positional(order.prompt),
    ],
    env: {
      CLAUDE_CODE_DISABLE_FEEDBACK_SURVEY: '1', // a digit that is typed would answer it
      ...(order.config_dir === undefined ? {} : { CLAUDE_CONFIG_DIR: order.config_dir }),
    },
    files: [{ name: SETTINGS, text: settingsText(order) }],
  };
}
