import type { Command } from 'commander';
import type { Cli, Structured } from '../cli.ts';
import { usage } from '../failure.ts';
import { projectNamed, taskRef } from '../project.ts';
import { parseSince } from '../time.ts';
import type { ToldLine } from '../views/events.ts';
import { wholeNumber } from './list.ts';
import { goOn, listed, newestOf, pageOf } from './pages.ts';

interface Options {
  task?: string;
  project?: string;
  since?: string;
  until?: string;
  type?: string;
  by?: string;
  limit?: string;
  oldestFirst?: boolean;
  follow?: boolean;
  json?: boolean;
}

const FOLLOWED = 500;
const SHOWN = 100;

export function auditCommand(program: Command, cli: Cli): void {
  program
    .command('audit')
    .summary('who did what, and when')
    .description(
      'Shows what is kept of what happened, as far back as retention.events says, the newest first: when, who or what caused it, what, to which task, with what outcome. Tokens and the texts of tasks and results are never part of it.',
    )
    .option('-t, --task <id>', 'what happened to this task, as `id` or `project/id`')
    .option('-p, --project <project>', 'a path or a configured name')
    .option('--since <when>', 'since: 12h, 2d, or a date')
    .option('--until <when>', 'before: 12h, 2d, or a date')
    .option('--type <types>', 'kinds of events, such as task_completed or task_*; separated by commas')
    .option('--by <who>', 'who or what caused it, such as owner; separated by commas')
    .option('-n, --limit <number>', `at most so many; ${SHOWN} unless told, all of them with 0`)
    .option('--oldest-first', 'in the order in which it happened, from the beginning')
    .option('-f, --follow', 'the newest in the order in which they happened, and go on with what happens')
    .option('--json', 'one JSON object per line')
    .addHelpText(
      'after',
      '\nExamples:\n  yardmaster audit --since 1d --type task_completed,task_failed\n  yardmaster audit --task shop/fix-login --oldest-first\n  yardmaster audit --by owner --json',
    )
    .action((options: Options) => audit(cli, options));
}

async function audit(cli: Cli, options: Options): Promise<void> {
  if (options.follow && options.oldestFirst) throw usage('--follow goes on from the newest; leave --oldest-first out');
  if (options.follow && options.until !== undefined) throw usage('--follow has no end; leave --until out');
  const query = queryOf(cli, options);
  const limit = limitOf(options);
  if (options.follow) return follow(cli, query, limit, options);
  const order = options.oldestFirst ? 'oldest' : 'newest';
  let left = limit;
  for (let from: number | undefined; left > 0 && !cli.around.signal.aborted; ) {
    const page = await pageOf(cli, { ...query, order, ...(from !== undefined && { from }) }, left);
    await show(cli, page.entries.slice(0, left), options); // a record may hold more than were asked for
    left -= page.entries.length;
    from = page.next;
    if (from === undefined) return;
  }
}

async function follow(cli: Cli, query: Structured, limit: number, options: Options): Promise<void> {
  const { lines, newest } = await newestOf(cli, query, Math.min(limit, FOLLOWED));
  await show(cli, lines, options);
  await goOn(cli, query, newest, (more) => show(cli, more, options));
}

async function show(cli: Cli, lines: readonly ToldLine[], options: Options): Promise<void> {
  const { auditLine } = await import('../views/audit.ts');
  for (const line of lines) cli.print(line, options, auditLine);
  await cli.around.drained();
}

function limitOf({ limit }: Options): number {
  const given = limit === undefined ? SHOWN : wholeNumber(limit, '--limit');
  return given === 0 ? Number.POSITIVE_INFINITY : given;
}

function queryOf(cli: Cli, { task, project, since, until, type, by }: Options): Structured {
  const now = cli.around.now();
  const time = (text: string, option: string) => Date.parse(parseSince(text, now, option));
  const ref = task === undefined ? undefined : taskRef(cli, task, project);
  const where = ref?.project ?? (project === undefined ? undefined : projectNamed(cli, project));
  return {
    ...(ref && { task: ref.id }),
    ...(where !== undefined && { project: where }),
    ...(since !== undefined && { since: time(since, '--since') }),
    ...(until !== undefined && { until: time(until, '--until') }),
    ...(type !== undefined && { types: listed(type) }),
    ...(by !== undefined && { by: listed(by) }),
  };
}
