import { commandFor } from './command-for.ts';

/*
 * What a tool says to do next names tools, because its first readers are models: `job_status {id: "a", project: "shop"}`.
 * A person reads the command instead: `yardmaster show shop/a`.
 */

const CALL = new RegExp(`\\b(${Object.keys(commandFor).join('|')})\\b(?: \\{([^{}]*)\\})?`, 'g');

export function hintForPeople(hint: string): string {
  return hint.replace(CALL, (_, tool: string, args: string | undefined) => commandLine(tool, args));
}

function commandLine(tool: string, args: string | undefined): string {
  if (args === undefined) return `\`yardmaster ${commandFor[tool]}\``;
  const value = (key: string): string | undefined => new RegExp(`\\b${key}: "([^"]*)"`).exec(args)?.[1];
  const waits = tool === 'job_status' && args.includes('wait_seconds');
  const named = [value('project'), value('id')].filter((part) => part !== undefined).join('/');
  return `\`${['yardmaster', waits ? 'wait' : commandFor[tool], quoted(named)].filter(Boolean).join(' ')}\``;
}

function quoted(name: string): string {
  return /^[\w./@+=,~-]*$/.test(name) ? name : `'${name}'`;
}
