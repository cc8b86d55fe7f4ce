import type { Command } from 'commander';
import type { Cli, Structured } from '../cli.ts';
import { EXIT, usage } from '../failure.ts';
import { pause } from '../pause.ts';
import { projectNamed, taskRef } from '../project.ts';
import { parseDuration } from '../time.ts';

interface Options {
  group?: string;
  project?: string;
  any?: boolean;
  all?: boolean;
  timeout?: string;
  json?: boolean;
}

/** The longest that one call of the tool waits. */
const TURN_SECONDS = 45;
const TURN_PAUSE_MS = 100;
const ENDED = ['done', 'failed', 'cancelled'] as const;

export function waitCommand(program: Command, cli: Cli): void {
  program
    .command('wait')
    .summary('wait for tasks to end')
    .description(
      'Waits until all (or any) of the tasks have ended. Exit code 0: they are done; 1: one failed, was cancelled, or time is up.',
    )
    .argument('[id...]', 'the tasks, as id or project/id')
    .option('-g, --group <group>', 'all tasks of a group')
    .option('-p, --project <project>', 'a path or a configured name')
    .option('--any', 'the first that ends is enough')
    .option('--all', 'all must end (the default)')
    .option('--timeout <duration>', 'give up after, such as 90s, 30m or 2h; default: never')
    .option('--json', 'print the last answer as JSON')
    .addHelpText(
      'after',
      `
Examples:
  yardmaster wait build test && yardmaster enqueue "Ship it"
  yardmaster wait --group release-12 --timeout 2h
  yardmaster wait try-1 try-2 --any`,
    )
    .action((ids: string[], options: Options) => wait(cli, ids, options));
}

async function wait(cli: Cli, ids: readonly string[], options: Options): Promise<void> {
  if (options.any && options.all) throw usage('--any and --all contradict each other');
  const limit = options.timeout === undefined ? Infinity : parseDuration(options.timeout, '--timeout');
  const which = subject(cli, ids, options);
  const deadline = cli.around.now() + limit;
  const mode = options.any ? 'any' : 'all';
  for (;;) {
    const left = Math.max(0, deadline - cli.around.now());
    const wait_seconds = Math.min(TURN_SECONDS, Math.ceil(left / 1_000));
    const answer = await cli.call<Status>(
      'job_status',
      { ...which, wait: mode, wait_seconds, detail: 'summary' },
      options,
    );
    if (over(answer, mode) || left === 0 || cli.around.signal.aborted) return finish(cli, answer, options);
    await pause(TURN_PAUSE_MS, cli.around.signal); // one that does not wait itself is not asked all the time
  }
}

/** What to wait for, as the tool names it. */
function subject(cli: Cli, ids: readonly string[], options: Options): Structured {
  const { group, project } = options;
  if (group !== undefined && ids.length > 0) throw usage('give ids or --group, not both');
  if (group !== undefined) return { group, ...(project === undefined ? {} : { project: projectNamed(cli, project) }) };
  const refs = ids.map((id) => taskRef(cli, id, project));
  const [first] = refs;
  if (first === undefined) throw usage('there is nothing to wait for', 'Give ids, or --group.');
  if (refs.some((ref) => ref.project !== first.project))
    throw usage('the tasks are of several projects', 'Wait for each project on its own, or give the tasks a group.');
  return { ids: refs.map(({ id }) => id), ...(first.project === undefined ? {} : { project: first.project }) };
}

/** The part of `job_status` that counts here: it lists at most fifty tasks, but counts them all. */
interface Status extends Structured {
  readonly counts: Readonly<Record<string, number>>;
  readonly all_ended: boolean;
  readonly missing?: readonly { readonly id: string; readonly message: string }[];
}

function over({ counts, all_ended }: Status, mode: 'any' | 'all'): boolean {
  return all_ended || (mode === 'any' && ENDED.some((state) => counts[state]));
}

async function finish(cli: Cli, answer: Status, options: Options): Promise<void> {
  const { tasksView } = await import('../views/tasks.ts');
  cli.print(answer, options, tasksView);
  const { counts, all_ended, missing = [] } = answer;
  const lost = (counts.failed ?? 0) + (counts.cancelled ?? 0) + missing.length;
  const good = options.any ? (counts.done ?? 0) > 0 : all_ended && lost === 0;
  if (good) return;
  cli.exit = EXIT.refused;
  for (const { id, message } of missing) cli.note(`${id}: ${message}`);
  if (!over(answer, options.any ? 'any' : 'all')) cli.note('not ended yet; they go on, wait again at any time');
}
