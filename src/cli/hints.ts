import { commandFor } from './command-for.ts';

/*
 * What a tool says to do next names tools, because its first readers are models: `job_status {id: "a", project: "shop"}`.
 * A person reads the command instead: `yardmaster show shop/a`.
 */

/** Arguments may hold anything in quotes, and one level of braces: `{request_id: "r", answers: {"Which {x}?": "…"}}`. */
const STRING = '"(?:[^"\\\\]|\\\\.)*"';
const ARGS = `\\{((?:[^{}"]|${STRING}|\\{(?:[^{}"]|${STRING})*\\})*)\\}`;
const CALL = new RegExp(`\\b(${Object.keys(commandFor).join('|')})\\b(?: ${ARGS})?`, 'g');

export function hintForPeople(hint: string): string {
  return hint.replace(CALL, (_, tool: string, args: string | undefined) => `\`yardmaster ${words(tool, args)}\``);
}

function words(tool: string, args: string | undefined): string {
  if (args === undefined) return commandFor[tool] ?? tool;
  const value = (key: string): string | undefined => new RegExp(`\\b${key}: "([^"]*)"`).exec(args)?.[1];
  if (tool === 'pause_work') return heldWords(value);
  const named = [value('project'), value('id')].filter((part) => part !== undefined).join('/');
  const name = quoted(value('request_id') ?? value('name') ?? named);
  return [command(tool, args, value), name, ...(tool === 'message_session' ? ['"…"'] : [])].filter(Boolean).join(' ');
}

function heldWords(value: (key: string) => string | undefined): string {
  const scope = ['project', 'agent'].flatMap((key) => {
    const name = value(key);
    return name === undefined ? [] : [`--${key} ${quoted(name)}`];
  });
  return [value('what') ?? 'pause', ...scope].join(' ');
}

function command(tool: string, args: string, value: (key: string) => string | undefined): string | undefined {
  if (tool === 'job_status' && args.includes('wait_seconds')) return 'wait';
  if (tool === 'answer_request' && value('decision') !== undefined)
    return value('decision') === 'allow' ? 'approve' : 'deny';
  return commandFor[tool];
}

function quoted(name: string): string {
  return /^[\w./@+=,~-]*$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`;
}
