import type { Argument, Command, Option } from 'commander';
import { z } from 'zod';
import { configKeys } from '../../runtime/config/explain.ts';
import { Holder } from '../../runtime/model/allowance.ts';
import { Config } from '../../runtime/model/config.ts';
import { ChangeableLimit } from '../../runtime/model/quota.ts';
import { Cause } from '../../runtime/model/task.ts';
import { EVENT_NAMES } from '../../runtime/model/told/table.ts';
import { TaskState } from '../../runtime/model/view.ts';
import { tools } from '../../tools/index.ts';
import { commandFor } from '../command-for.ts';

/** What can stand at a place of the command line. */
export type Source =
  | { readonly kind: 'words'; readonly words: readonly string[] }
  | {
      readonly kind: 'ask';
      readonly what:
        | 'tasks'
        | 'projects'
        | 'agents'
        | 'providers'
        | 'groups'
        | 'sessions'
        | 'places'
        | 'requests'
        | 'questions'
        | 'foreign'
        | 'accounts'
        | 'profiles'
        | 'worktrees'
        | 'orphans'
        | 'limited';
    }
  | { readonly kind: 'files' };

export interface Choice {
  /** `--state`; `@2` for the second word without an option, `@*` for all from some on. */
  readonly place: string;
  readonly source: Source;
}

/** One command, as its words: `config explain`. */
export interface Node {
  readonly path: string;
  readonly commands: readonly { readonly name: string; readonly about: string }[];
  readonly options: readonly { readonly flags: readonly string[]; readonly about: string; readonly takes: boolean }[];
  readonly choices: readonly Choice[];
}

/** The whole tree, made from the commands themselves and from what the tools take. */
export function nodesOf(command: Command, path = ''): Node[] {
  const commands = command.commands.filter((one) => !one.name().startsWith('_'));
  const names = commands.flatMap((one) =>
    [one.name(), ...one.aliases()].map((name) => ({ name, about: one.summary() || one.description() })),
  );
  const node: Node = {
    path,
    commands: names,
    options: [...command.options.map(optionOf), { flags: ['--help'], about: 'print the help', takes: false }],
    choices: [
      ...command.options.flatMap((option) => choicesOf(option, path)),
      ...command.registeredArguments.flatMap((argument, at) => placeOf(argument, at, path)),
    ],
  };
  const below = commands.flatMap((one) =>
    [one.name(), ...one.aliases()].flatMap((name) => nodesOf(one, path === '' ? name : `${path} ${name}`)),
  );
  return [node, ...below];
}

function optionOf({ long, short, description, required }: Option): Node['options'][number] {
  const flags = [long, short].filter((flag) => flag !== undefined && flag !== null);
  return { flags, about: description, takes: required };
}

function choicesOf(option: Option, path: string): Choice[] {
  const name = option.attributeName().replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const source = takesValue(option) && (wordsFor(path, name) ?? BY_NAME[name]);
  if (!source) return [];
  return [option.long, option.short].flatMap((flag) => (flag ? [{ place: flag, source }] : []));
}

function takesValue({ required, optional }: Option): boolean {
  return required || optional;
}

function placeOf(argument: Argument, at: number, path: string): Choice[] {
  const source = wordsFor(path, argument.name()) ?? BY_NAME[argument.name()];
  return source ? [{ place: argument.variadic ? '@*' : `@${at + 1}`, source }] : [];
}

/** The values that a tool allows for an argument of the same name. */
function wordsFor(path: string, name: string): Source | undefined {
  const command = path === 'ls' ? 'list' : path;
  const tool = tools.find((one) => commandFor[one.name] === command);
  const property = tool?.input.shape[name];
  const words = property && wordsIn(z.toJSONSchema(property as z.ZodType, { io: 'input', unrepresentable: 'any' }));
  return words && words.length > 0 ? { kind: 'words', words } : undefined;
}

function wordsIn(schema: unknown): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const { enum: values, const: only, anyOf = [], items } = schema as Record<string, unknown> & { anyOf?: unknown[] };
  const own = [...(Array.isArray(values) ? values : []), only].filter((one): one is string => typeof one === 'string');
  return [...new Set([...own, ...anyOf.flatMap(wordsIn), ...wordsIn(items)])];
}

const words = (...all: string[]): Source => ({ kind: 'words', words: all });
const tasks: Source = { kind: 'ask', what: 'tasks' };

/** What a name means wherever it stands. */
const BY_NAME: Readonly<Record<string, Source>> = {
  id: tasks,
  depends_on: tasks,
  continues: tasks,
  base: tasks,
  project: { kind: 'ask', what: 'projects' },
  agent: { kind: 'ask', what: 'agents' },
  provider: { kind: 'ask', what: 'providers' },
  session: { kind: 'ask', what: 'sessions' },
  'session|task': { kind: 'ask', what: 'places' },
  'request|session|task': { kind: 'ask', what: 'requests' },
  request: { kind: 'ask', what: 'questions' },
  foreign: { kind: 'ask', what: 'foreign' },
  account: { kind: 'ask', what: 'accounts' },
  profile: { kind: 'ask', what: 'profiles' },
  worktree: { kind: 'ask', what: 'worktrees' },
  pid: { kind: 'ask', what: 'orphans' },
  group: { kind: 'ask', what: 'groups' },
  type: words(...EVENT_NAMES),
  holder: words(...Holder.options),
  whose: { kind: 'ask', what: 'limited' },
  limit: words(...ChangeableLimit.options),
  by: words(...Cause.shape.by.options),
  task: tasks,
  state: words(...TaskState.options),
  stream: words('stdout', 'stderr'),
  key: words(...Object.keys(Config.shape), ...configKeys()),
  shell: words('bash', 'zsh', 'fish'),
  toolset: words('default', 'worker'),
  file: { kind: 'files' },
};
