import { type Command, Option } from 'commander';
import { usage } from './failure.ts';

type Kind = 'text' | 'number' | 'flag' | 'words' | 'lines' | 'json';

/** The front-matter keys, each an option of the same name: `ttl_seconds` is `--ttl-seconds`. A test compares it with the schema. */
export const TASK_KEYS: Readonly<Record<string, { kind: Kind; help: string }>> = {
  title: { kind: 'text', help: 'one line; otherwise made from the text' },
  priority: { kind: 'text', help: 'critical, high, default or low' },
  tags: { kind: 'words', help: 'labels, separated by commas' },
  requires: { kind: 'words', help: 'capabilities that the agent must have' },
  group: { kind: 'text', help: 'a name to wait for and list many tasks at once' },
  depends_on: { kind: 'words', help: 'ids of tasks that must be done first' },
  on_dependency_failure: { kind: 'text', help: 'fail or hold' },
  not_before: { kind: 'text', help: 'earliest start, such as 2026-12-01T08:00:00Z' },
  agent: { kind: 'text', help: 'the agent that does it' },
  mode: { kind: 'text', help: 'session or headless' },
  model: { kind: 'text', help: 'the model' },
  needs_claude_code: { kind: 'flag', help: 'only a Claude Code on this machine will do' },
  preferred_ai: { kind: 'text', help: 'claude-code, a provider, an AI that a provider serves, or auto' },
  allow_delegation: { kind: 'flag', help: 'it may go to a remote provider' },
  complexity_hint: { kind: 'text', help: 'simple, moderate or complex' },
  ttl_seconds: { kind: 'number', help: 'how long an attempt may run, 60 to 86400' },
  max_attempts: { kind: 'number', help: 'attempts before it fails for good' },
  verify: { kind: 'text', help: 'a command, or the name of a check, that must succeed before it counts as done' },
  verify_retries: { kind: 'number', help: 'how often work that a check refuses goes back to its agent, 0 to 10' },
  result_schema: { kind: 'json', help: 'JSON Schema that the result has to fit' },
  workspace: { kind: 'text', help: 'project, or worktree (a git worktree and branch of its own)' },
  base: { kind: 'text', help: 'what the worktree starts from: a task or a git ref' },
  continues: { kind: 'text', help: 'the task whose conversation and workspace go on' },
  permission_mode: { kind: 'text', help: 'only narrower than the project allows' },
  allowed_tools: { kind: 'lines', help: 'a tool that the agent may use; repeat for more' },
  constraints: { kind: 'lines', help: 'a rule to keep; repeat for more' },
  learnings: { kind: 'lines', help: 'something to know; repeat for more' },
  include: { kind: 'lines', help: 'files that a provider is shown: a path or glob, ! leaves out; repeat for more' },
  apply: { kind: 'text', help: "worktree: a patch in a provider's answer is applied in a git worktree of its own" },
  callback_url: { kind: 'text', help: 'where the completion report goes' },
  budget_usd: { kind: 'number', help: 'the most an attempt may cost' },
  max_turns: { kind: 'number', help: 'the most turns that its agent may take' },
  idempotency_key: { kind: 'text', help: 'the same key again makes no second task' },
};

/** All of them, or only some. */
export function addTaskOptions(command: Command, some?: readonly string[]): Command {
  for (const [key, { kind, help }] of Object.entries(TASK_KEYS)) {
    if (some && !some.includes(key)) continue;
    const flag = `--${key.replaceAll('_', '-')}`;
    const option = new Option(kind === 'flag' ? `${flag} [yes|no]` : `${flag} <${PLACEHOLDER[kind]}>`, help);
    if (kind === 'words' || kind === 'lines')
      option.argParser<string[]>((text, before) => [...(before ?? []), ...(kind === 'words' ? words(text) : [text])]);
    command.addOption(option);
  }
  return command;
}

const PLACEHOLDER = { text: 'text', number: 'number', words: 'a,b', lines: 'text', json: 'json' } as const;

/** The task keys among a command's options, each as the type that the tool wants. */
export function taskFields(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const key of Object.keys(TASK_KEYS)) {
    const given = options[key.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())];
    if (given !== undefined) fields[key] = fieldValue(key, given, `--${key.replaceAll('_', '-')}`);
  }
  return fields;
}

/** One key's text as its type; what is wrong names the key as the person wrote it. */
export function fieldValue(key: string, given: unknown, shown: string): unknown {
  switch (TASK_KEYS[key]?.kind) {
    case 'number':
      return numeric(given, shown);
    case 'flag':
      return yesOrNo(given, shown);
    case 'words':
      return typeof given === 'string' ? words(given) : given;
    case 'lines':
      return typeof given === 'string' ? [given] : given;
    case 'json':
      return typeof given === 'string' ? data(given, shown) : given;
    case 'text':
    case undefined:
      return given;
  }
}

function data(given: string, shown: string): unknown {
  try {
    return JSON.parse(given);
  } catch (error) {
    throw usage(`${shown}: it is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function numeric(given: unknown, shown: string): number {
  const number = typeof given === 'string' && given.trim() !== '' ? Number(given) : Number.NaN;
  if (Number.isNaN(number)) throw usage(`${shown}: ${JSON.stringify(given)} is not a number`);
  return number;
}

function yesOrNo(given: unknown, shown: string): boolean {
  if (given === true) return true;
  const word = String(given).toLowerCase();
  if (['true', 'yes'].includes(word)) return true;
  if (['false', 'no'].includes(word)) return false;
  throw usage(`${shown}: ${JSON.stringify(given)} is neither yes nor no`, 'Allowed: yes, no, true, false.');
}

function words(text: string): string[] {
  return text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
}
