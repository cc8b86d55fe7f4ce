import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { pause } from '../pause.ts';
import { taskRef } from '../project.ts';
import { safeText } from '../safe-text.ts';
import { wholeNumber } from './list.ts';

interface Options {
  project?: string;
  attempt?: string;
  stream: string;
  follow?: boolean;
  json?: boolean;
}

interface LogPart {
  readonly text: string;
  readonly next: number;
  readonly ended: boolean;
}

const LOOK_EVERY_MS = 500;

export function logsCommand(program: Command, cli: Cli): void {
  program
    .command('logs')
    .summary("what a task's agent wrote")
    .description('Shows what the agent of a task wrote, of its newest attempt unless another is named.')
    .argument('<id>', 'the task, as id or project/id')
    .option('-f, --follow', 'go on until the attempt ends')
    .option('-p, --project <project>', 'a path or a configured name')
    .option('--attempt <number>', 'another attempt than the newest')
    .option(
      '--stream <name>',
      'stdout, stderr, or verify and verify-stderr: what the check of its work wrote',
      'stdout',
    )
    .option('--json', 'one JSON record per part: {text, next, ended}')
    .addHelpText(
      'after',
      '\nExamples:\n  yardmaster logs fix-login -f\n  yardmaster logs fix-login --attempt 1 --stream stderr\n  yardmaster logs fix-login --stream verify',
    )
    .action((id: string, options: Options) => logs(cli, id, options));
}

async function logs(cli: Cli, id: string, options: Options): Promise<void> {
  const attempt = options.attempt === undefined ? {} : { attempt: wholeNumber(options.attempt, '--attempt') };
  const which = { ...taskRef(cli, id, options.project), ...attempt, stream: options.stream };
  const whole = new WholeLines((text) => cli.around.out(safeText(text)));
  let offset = 0;
  while (!cli.around.signal.aborted) {
    const part = (await cli.connection().request('yardmaster/run_log', { ...which, offset })) as LogPart;
    if (!options.json) whole.add(part.text);
    else if (part.text !== '' || part.ended) cli.json(part);
    const more = part.next > offset;
    offset = part.next;
    if (!more && (part.ended || !options.follow)) break;
    if (!more) await pause(LOOK_EVERY_MS, cli.around.signal);
  }
  whole.end();
}

/** Hands on whole lines only: an escape sequence that is cut in two between parts would not be recognised. */
class WholeLines {
  readonly #out: (text: string) => void;
  #rest = '';

  constructor(out: (text: string) => void) {
    this.#out = out;
  }

  add(text: string): void {
    const whole = this.#rest + text;
    const end = whole.lastIndexOf('\n') + 1;
    this.#rest = whole.slice(end);
    if (end > 0) this.#out(whole.slice(0, end));
  }

  end(): void {
    if (this.#rest !== '') this.#out(`${this.#rest}\n`);
    this.#rest = '';
  }
}
