import type { Command } from 'commander';
import type { Cli, Structured } from '../cli.ts';
import type { ToldLine } from '../views/events.ts';
import { wholeNumber } from './list.ts';
import { goOn, listed, newestOf, pageOf } from './pages.ts';

interface Options {
  follow?: boolean;
  limit: string;
  after?: string;
  type?: string;
  json?: boolean;
}

export function eventsCommand(program: Command, cli: Cli): void {
  program
    .command('events')
    .summary('what happened')
    .description('Shows the newest events, oldest first. docs/events.md lists their names and what they say.')
    .option('-f, --follow', 'go on with what happens')
    .option('-n, --limit <number>', 'the newest so many', '20')
    .option('--after <seq>', 'only what came after this sequence number, from there on')
    .option('--type <types>', 'kinds of events, such as task_completed or task_*; separated by commas')
    .option('--json', 'one JSON object per line')
    .addHelpText(
      'after',
      '\nExamples:\n  yardmaster events -f\n  yardmaster events -f --type task_dead_lettered,quota_* --json\n  yardmaster events --after 1200 --limit 1000 --json',
    )
    .action((options: Options) => events(cli, options));
}

async function events(cli: Cli, options: Options): Promise<void> {
  const { eventLine } = await import('../views/events.ts');
  const show = async (lines: readonly ToldLine[]): Promise<void> => {
    for (const line of lines) cli.print(line, options, eventLine);
    await cli.around.drained();
  };
  const query = options.type === undefined ? {} : { types: listed(options.type) };
  const limit = wholeNumber(options.limit, '--limit');
  if (options.after !== undefined) {
    const after = wholeNumber(options.after, '--after');
    return options.follow ? goOn(cli, query, after, show) : onwards(cli, query, { after, limit }, show);
  }
  const { lines, newest } = await newestOf(cli, query, Math.max(limit, 1));
  await show(limit === 0 ? [] : lines);
  if (options.follow) await goOn(cli, query, newest, show);
}

/** So many from a number on; the events of the last record are all shown, so that its number is enough to go on. */
async function onwards(
  cli: Cli,
  query: Structured,
  { after, limit }: { readonly after: number; readonly limit: number },
  show: (lines: readonly ToldLine[]) => Promise<void>,
): Promise<void> {
  let left = limit;
  for (let from: number | undefined = after; from !== undefined && left > 0 && !cli.around.signal.aborted; ) {
    const page = await pageOf(cli, { ...query, order: 'oldest', from }, left);
    await show(page.entries);
    left -= page.entries.length;
    from = page.next;
  }
}
