import { join } from 'node:path';
import type { HeadlessOrder, HeadlessStart } from '../headless.ts';
import { MODE, SETTINGS } from './compose.ts';
import { headlessSettings } from './settings.ts';

/*
 * How Claude Code 2.1.329 is started without a terminal, measured on 2026-11-21:
 *
 *   the end of its input     ends it after the turn, after what was written before, and after its work in the background
 *   no message at all        exit code 0, and not a word
 *   a message while it works joins the turn after the next tool, or makes a turn of its own
 *   a first `/`              is taken for a command: `/clear` forgets the conversation
 *   a request                is asked by the hook and, with `--permission-prompt-tool=stdio`, on its output at once; whatever
 *                            comes first counts. Without that option it has no questions to ask (AskUserQuestion); with it,
 *                            what it wants to ask after the end of its input is refused: "Stream closed"
 *   `--max-budget-usd`       counts from the start of the process, also in a conversation that goes on
 *   `--resume`               takes an id, or a file by its path, from any folder
 */

/** Every value is one argument with its option, as in a terminal's (compose.ts). The prompt goes by its input. */
export function headlessCompose(order: HeadlessOrder): HeadlessStart {
  const { agent, model, allowed_tools, budget_usd, max_turns, result_schema } = order;
  const [program = 'claude', ...first] = agent.program ?? ['claude'];
  return {
    argv: [
      program,
      ...first,
      ...agent.args,
      '-p',
      '--output-format=stream-json',
      '--verbose',
      '--input-format=stream-json',
      '--replay-user-messages', // says when it has taken in what it was told
      order.resume === undefined ? `--session-id=${order.conversation}` : `--resume=${order.resume}`,
      `--settings=${join(order.run_dir, SETTINGS)}`,
      `--permission-mode=${MODE[order.permission_mode]}`,
      ...option('--permission-prompt-tool', order.asks && 'stdio'),
      ...option('--model', model),
      ...option('--allowedTools', allowed_tools.length === 0 ? undefined : allowed_tools.join(',')),
      ...option('--max-budget-usd', budget_usd),
      ...option('--max-turns', max_turns),
      ...option('--json-schema', result_schema && JSON.stringify(result_schema)),
    ],
    env: order.config_dir === undefined ? {} : { CLAUDE_CONFIG_DIR: order.config_dir },
    files: [{ name: SETTINGS, text: headlessSettings(order.run_dir, order.asks) }],
    input: { kind: 'stream', text: headlessMessage(order.prompt) },
  };
}

function option(name: string, value: string | number | undefined): string[] {
  return value === undefined ? [] : [`${name}=${value}`];
}

const LEAD_IN = 'Your task:\n\n';

/** One line on its input. */
export function headlessMessage(text: string): string {
  const said = /^\s*\//.test(text) ? `${LEAD_IN}${text}` : text;
  return `${JSON.stringify({ type: 'user', message: { role: 'user', content: [{ type: 'text', text: said }] } })}\n`;
}

/** Ends the turn that runs, with a result that says so; what is told afterwards is a turn of its own. */
export function headlessInterrupt(id: string): string {
  return `${JSON.stringify({ type: 'control_request', request_id: id, request: { subtype: 'interrupt' } })}\n`;
}
