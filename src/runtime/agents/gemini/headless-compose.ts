import type { PermissionMode } from '../../model/spec.ts';
import type { HeadlessOrder, HeadlessStart } from '../headless.ts';
import { askForResult } from '../result-schema.ts';
import { promptArgument } from './prompt.ts';

/*
 * What each mode lets a run without a terminal do (Gemini CLI 0.61.0, 2026-11-21). Nobody is asked: what would need a
 * consent is not there for the model, but for what `--allowed-tools` names (`write_file`, `run_shell_command(git)`).
 *
 *   plan, default    reading
 *   auto_edit        changing files too; no shell
 *   yolo             everything
 *
 * A mode that decides alone, or that refuses without asking, is the widest one that has no shell.
 */
const MODE: Readonly<Record<PermissionMode, string>> = {
  plan: 'plan',
  default: 'default',
  acceptEdits: 'auto_edit',
  auto: 'auto_edit',
  dontAsk: 'auto_edit',
  bypassPermissions: 'yolo',
};

/** What `models` says where nobody has configured it: no other program knows these names. */
const OF_CLAUDE = /^(?:opus|sonnet|haiku|claude\b)/;

/**
 * Without GEMINI_CLI_NO_RELAUNCH it starts itself a second time, and a signal would meet the first. Trust is given for this
 * run alone (`refuses` has asked for a no); without, it ends with 55. The prompt comes by standard input, of which it reads
 * 8 MiB.
 */
export function composeHeadless(order: HeadlessOrder): HeadlessStart {
  const { agent, model, allowed_tools, result_schema: schema } = order;
  const [program = 'gemini', ...first] = agent.program ?? ['gemini'];
  const text = schema === undefined ? order.prompt : `${order.prompt}\n\n${askForResult(schema)}\n`;
  return {
    argv: [
      program,
      ...first,
      ...agent.args,
      '--skip-trust',
      '--output-format=stream-json',
      order.resume === undefined ? `--session-id=${order.conversation}` : `--resume=${order.conversation}`,
      `--approval-mode=${MODE[order.permission_mode]}`,
      ...(model === undefined || OF_CLAUDE.test(model) ? [] : [`--model=${model}`]),
      ...allowed_tools.map((tool) => `--allowed-tools=${tool}`),
    ],
    env: {
      GEMINI_CLI_NO_RELAUNCH: 'true',
      ...(order.config_dir === undefined ? {} : { GEMINI_CLI_HOME: order.config_dir }),
    },
    files: [],
    input: { kind: 'once', text: promptArgument(text) },
  };
}
