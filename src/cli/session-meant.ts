import type { Cli, Structured } from './cli.ts';
import { taskRef } from './project.ts';

/** What the runtime needs to find out which session is meant: the word itself, and the task that it may name. */
export function meant(cli: Cli, given: string): Structured {
  return { which: given, ...taskRef(cli, given, undefined) };
}

/** As the tools take it: `{name}`, or `{id, project}` where a task was named. */
export async function sessionMeant(cli: Cli, given: string): Promise<Structured> {
  return (await cli.connection().request('yardmaster/which', meant(cli, given))) as Structured;
}

/** How people are told to name one. */
export const SESSION_OR_TASK = 'its name, as `yardmaster sessions` lists it, or the task that it works on';
