import { existsSync } from 'node:fs';
import type { HttpState } from '../../assembly.ts';
import { durationText } from '../../runtime/model/duration.ts';
import type { RetentionView } from '../../runtime/yard.ts';
import type { Cli } from '../cli.ts';
import { sourcesOf } from '../commands/config.ts';
import { type Finding, missing, note, ok } from './check.ts';

export async function config(cli: Cli): Promise<Finding> {
  const { configPath, loadConfig } = await import('../../runtime/config/load.ts');
  const { describeProblem } = await import('../../runtime/config/problem.ts');
  const { problems } = await loadConfig(sourcesOf(cli));
  const path = configPath(cli.around.env, cli.around.userHome);
  if (problems.length === 0) return ok('config', existsSync(path) ? path : `none at ${path}: defaults are in force`);
  return missing(
    'config',
    problems.map(describeProblem).join('; '),
    'Mend it, then `yardmaster config check`. A runtime that runs goes on with the last good one.',
  );
}

export async function runtime(cli: Cli): Promise<Finding> {
  try {
    const socket = await cli.runtime.connect({ start: false });
    if (socket === undefined)
      return note('runtime', 'does not run', 'It starts with the first command, or with `yardmaster start`.');
    socket.destroy();
    await cli.connection({ start: false }).request('ping', {});
    return ok('runtime', `answers at ${cli.runtime.socket}`);
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    return missing('runtime', said, `Look at the log in ${cli.runtime.home}/logs, or run \`yardmaster serve\`.`);
  }
}

/** What the runtime says of its HTTP side. */
export async function http(cli: Cli): Promise<Finding> {
  try {
    const socket = await cli.runtime.connect({ start: false });
    if (socket === undefined) return ok('http', 'is served while the runtime runs');
    socket.destroy();
    const { http: state } = (await cli.connection({ start: false }).request('yardmaster/status', {})) as {
      http?: HttpState;
    };
    if (state?.state === 'on') return ok('http', `answers at ${state.url}, for whoever has the token`);
    if (state?.reason === undefined) return ok('http', 'is switched off');
    return note('http', state.reason, state.hint ?? 'Everything else works.');
  } catch {
    return ok('http', 'not asked: the runtime does not answer');
  }
}

/** What is kept of the past, by the runtime that does it. */
export async function retention(cli: Cli): Promise<Finding> {
  const name = 'history';
  try {
    const socket = await cli.runtime.connect({ start: false });
    socket?.destroy();
    if (socket === undefined) return ok(name, 'is kept by the runtime, which does not run');
    const answer = await cli.connection({ start: false }).request('yardmaster/retention', {});
    return ok(name, keptText(answer as RetentionView));
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    return note(name, `nothing is known: ${said}`, 'See what is said of the runtime.');
  }
}

/** What goes on of attempts that are over. */
export async function orphans(cli: Cli): Promise<Finding> {
  const name = 'orphans';
  try {
    const socket = await cli.runtime.connect({ start: false });
    socket?.destroy();
    if (socket === undefined) return ok(name, 'are looked for by the runtime, which does not run');
    const answer = await cli.connection({ start: false }).request('yardmaster/orphans', {});
    const { seen, orphans: found } = answer as { seen: boolean; orphans: readonly { kept: boolean }[] };
    if (!seen) return ok(name, 'can not be looked for on this system');
    const count = found.filter(({ kept }) => !kept).length;
    if (count === 0) return ok(name, 'no process of an attempt that is over');
    const what =
      count === 1 ? 'a process of an attempt that is over goes' : `${count} processes of attempts that are over go`;
    return note(name, `${what} on`, 'See which with `yardmaster orphans`; `yardmaster orphans end` ends them.');
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    return note(name, `nothing is known: ${said}`, 'See what is said of the runtime.');
  }
}

function keptText({ runs, events, past_events, last }: RetentionView): string {
  const span = (kept: number | 'forever'): string => (kept === 'forever' ? kept : durationText(kept));
  const size = `${Math.ceil(past_events.bytes / 1_048_576)} MB of past events`;
  const gone = last === undefined ? '' : `; ${last.runs} runs cleared away ${new Date(last.at).toISOString()}`;
  return `runs ${span(runs)}, events ${span(events)} (${size})${gone}`;
}
