import { PermissionMode } from '../model/spec.ts';

/*
 * What an agent may do without asking: as its configuration says, or less. A task can only take away; nothing that it says
 * adds a mode or a tool.
 */

export function narrowMode(allowed: PermissionMode, asked: PermissionMode | undefined): PermissionMode {
  if (asked === undefined) return allowed;
  const { options } = PermissionMode;
  return options.indexOf(asked) < options.indexOf(allowed) ? asked : allowed;
}

/** Of the tools that the task asks for those that the configuration covers; all of those where it asks for none by name. */
export function narrowTools(allowed: readonly string[], asked: readonly string[] | undefined): readonly string[] {
  if (asked === undefined) return allowed;
  return asked.filter((tool) => allowed.some((entry) => covers(entry, tool)));
}

const RULE = /^([\w-]+)\((.*)\)$/s;
const PLAIN = /^[\w ./@=,+-]*$/; // nothing in it begins a second command

/** `Bash` covers `Bash(git status)`; `Bash(git *)` covers `Bash(git status)` and `Bash(git log *)`. */
function covers(entry: string, tool: string): boolean {
  if (entry === tool) return true;
  const [, asked, what = ''] = RULE.exec(tool) ?? [];
  if (asked === undefined) return false;
  if (entry === asked) return true;
  const [, name, pattern = ''] = RULE.exec(entry) ?? [];
  if (name !== asked || !/[ :]\*$/.test(pattern)) return false;
  const start = pattern.slice(0, -2);
  const rest = what.replace(/[ :]\*$/, '');
  return PLAIN.test(rest) && !rest.includes('..') && (rest === start || rest.startsWith(`${start} `));
}
