import type { Command } from 'commander';
import type { Cli, Structured } from '../cli.ts';
import { projectNamed } from '../project.ts';
import { parseSince } from '../time.ts';

interface Options {
  state?: string;
  project?: string;
  since?: string;
  bodies?: boolean;
  events?: boolean;
}

const EVENTS_PAGE = 500;

export function exportCommand(program: Command, cli: Cli): void {
  program
    .command('export')
    .summary('write tasks and events as JSON lines')
    .description(
      'Writes one JSON object per line: each task with all that is known of it, open ones in the order of their arrival, then ended ones, the newest first. With --bodies `text` is the task’s file as it lies in the queue: put into an inbox, it is that task again. A task that ends meanwhile may come twice; the later line counts.',
    )
    .option('-s, --state <states>', 'only these states; separated by commas')
    .option('-p, --project <project>', 'a path or a configured name')
    .option('--since <when>', 'changed since: 12h, 30d, or a date')
    .option('--bodies', 'with the text of each task’s file: what was asked, or the result')
    .option('--events', 'afterwards, the events of the journal, oldest first')
    .addHelpText(
      'after',
      `
Examples:
  yardmaster export --since 30d > tasks.jsonl
  yardmaster export --state done --bodies | jq -r '.text'
  yardmaster export --state queued --bodies | jq -c '[.id, .text]'`,
    )
    .action((options: Options) => exportAll(cli, options));
}

async function exportAll(cli: Cli, options: Options): Promise<void> {
  const { state, project, since, bodies } = options;
  const from = since === undefined ? undefined : Date.parse(parseSince(since, cli.around.now(), '--since'));
  const which = {
    ...(state !== undefined && { state: state.split(',').map((one) => one.trim()) }),
    ...(project !== undefined && { project: projectNamed(cli, project) }),
    ...(from !== undefined && { since: from }),
    bodies: bodies === true,
  };
  let cursor: string | undefined;
  do {
    const page = (await cli.connection().request('yardmaster/export', { ...which, cursor })) as Page;
    await write(cli, page.tasks);
    cursor = page.next;
  } while (cursor !== undefined && !cli.around.signal.aborted);
  if (options.events) await events(cli, from ?? 0, bodies === true);
}

async function events(cli: Cli, since: number, bodies: boolean): Promise<void> {
  for (let after = 0; !cli.around.signal.aborted; ) {
    const params = { after, limit: EVENTS_PAGE };
    const { records } = (await cli.connection().request('yardmaster/events', params)) as EventsPage;
    const last = records.at(-1);
    if (last === undefined) return;
    const wanted = records.filter(({ at }) => at >= since);
    await write(
      cli,
      wanted.map((record) => eventLine(record, bodies)),
    );
    after = last.seq;
  }
}

interface Page {
  readonly tasks: readonly Structured[];
  readonly next?: string;
}

interface EventsPage {
  readonly records: readonly EventRecord[];
}

interface EventRecord {
  readonly seq: number;
  readonly at: number;
  readonly type: string;
  readonly cause: unknown;
  readonly events: readonly Structured[];
}

/** Keys of attempts stay here; texts come only when they are asked for. */
function eventLine({ seq, at, type, cause, events }: EventRecord, bodies: boolean): Structured {
  const shown = events.map(({ token: _, ...event }) => (bodies ? event : withoutTexts(event)));
  return { kind: 'event', seq, at: new Date(at).toISOString(), type, cause, events: shown };
}

function withoutTexts({ bytes: _, outcome, ...event }: Structured): Structured {
  if (typeof outcome !== 'object' || outcome === null) return event;
  const { result: __, output: ___, ...facts } = outcome as Structured;
  return { ...event, outcome: facts };
}

/** Page after page, no faster than the reader takes it: memory stays flat. */
async function write(cli: Cli, lines: readonly Structured[]): Promise<void> {
  cli.around.out(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  await cli.around.drained();
}
