import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { pause } from '../pause.ts';
import type { EventRecord } from '../views/events.ts';
import { wholeNumber } from './list.ts';

interface Options {
  follow?: boolean;
  limit: string;
  after?: string;
  json?: boolean;
}

export const LOOK_EVERY_MS = 500;
const PAGE = 200;

export function eventsCommand(program: Command, cli: Cli): void {
  program
    .command('events')
    .summary('what happened')
    .description('Shows the newest events of the journal, oldest first.')
    .option('-f, --follow', 'go on with what happens')
    .option('-n, --limit <number>', 'the newest so many', '20')
    .option('--after <seq>', 'only what came after this sequence number')
    .option('--json', 'one JSON record per line')
    .addHelpText('after', '\nExamples:\n  yardmaster events -f\n  yardmaster events --after 1200 --limit 1000 --json')
    .action((options: Options) => events(cli, options));
}

async function events(cli: Cli, options: Options): Promise<void> {
  const { eventLine } = await import('../views/events.ts');
  const connection = cli.connection();
  let after = options.after === undefined ? undefined : wholeNumber(options.after, '--after');
  let limit = wholeNumber(options.limit, '--limit');
  do {
    const params = { ...(after === undefined ? {} : { after }), limit };
    const records = recordsOf(await connection.request('yardmaster/events', params));
    for (const record of records) cli.print(record, options, eventLine);
    after = records.at(-1)?.seq ?? after ?? 0;
    limit = PAGE;
    if (options.follow && records.length < PAGE) await pause(LOOK_EVERY_MS, cli.around.signal);
  } while (options.follow && !cli.around.signal.aborted);
}

function recordsOf(answer: unknown): EventRecord[] {
  const records = Array.isArray(answer) ? answer : (answer as { records?: unknown } | null)?.records;
  return Array.isArray(records) ? (records as EventRecord[]) : [];
}
