import { join } from 'node:path';
import type { PermissionMode } from '../../model/spec.ts';
import type { HeadlessOrder, HeadlessStart } from '../headless.ts';
import { askForResult } from '../result-schema.ts';
import { isStrict } from './strict-schema.ts';

/*
 * What each mode lets a run without a terminal do (Codex 0.169.0, 2026-11-21). `codex exec` asks nobody: it sets its approval
 * policy to `never` whatever `-c approval_policy` says, and refuses at once what would leave the sandbox. So the sandbox
 * is the permission; `auto` has a reviewer of its own.
 *
 *   read-only            writes fail with "Read-only file system", reading and running work
 *   workspace-write      writes in the folder and in temporary folders; not in its .git, no network
 *   require_escalated    refused in both: "approval policy is Never; reject command", on stderr alone
 *   an MCP tool          that changes something is refused, unless its server's settings approve it
 */
const MODE: Readonly<Record<PermissionMode, string>> = {
  plan: '--sandbox=read-only',
  default: '--sandbox=read-only',
  acceptEdits: '--sandbox=workspace-write',
  auto: '--approve-for-me',
  dontAsk: '--sandbox=workspace-write',
  bypassPermissions: '--dangerously-bypass-approvals-and-sandbox',
};

const SCHEMA = 'schema.json';
/** Its last message, for people: the stream is what counts. */
const LAST = 'last-message.md';

/**
 * The command line; nothing of the person's configuration is written, and no folder is trusted for it: a folder's own
 * configuration counts only where the person trusts it. The prompt comes by standard input (up to 1,048,576 characters), so
 * that nothing in it is an option. The mode stands before `resume`, which knows none of its own.
 */
export function composeHeadless(order: HeadlessOrder): HeadlessStart {
  const { agent, model, resume, result_schema: schema } = order;
  const [program = 'codex', ...first] = agent.program ?? ['codex'];
  const strict = schema !== undefined && isStrict(schema);
  const text = schema === undefined || strict ? order.prompt : `${order.prompt}\n\n${askForResult(schema)}\n`;
  return {
    argv: [
      program,
      ...first,
      'exec',
      ...agent.args,
      MODE[order.permission_mode],
      ...(resume === undefined ? [] : ['resume']),
      '--json',
      '--skip-git-repo-check',
      ...(model === undefined ? [] : [`--model=${model}`]),
      ...(strict ? [`--output-schema=${join(order.run_dir, SCHEMA)}`] : []),
      `--output-last-message=${join(order.run_dir, LAST)}`,
      '--',
      ...(resume === undefined ? [] : [order.conversation]),
      '-',
    ],
    env: order.config_dir === undefined ? {} : { CODEX_HOME: order.config_dir },
    files: strict ? [{ name: SCHEMA, text: JSON.stringify(schema) }] : [],
    input: { kind: 'once', text },
  };
}
