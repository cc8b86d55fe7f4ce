import type { Command } from 'commander';
import type { Cli, Structured } from '../cli.ts';
import { EXIT, Failure, usage } from '../failure.ts';
import { pause } from '../pause.ts';
import { projectNamed } from '../project.ts';
import { parseDuration, span } from '../time.ts';
import type { Held, HoldAnswer } from '../views/holds.ts';

interface Options {
  project?: string;
  agent?: string;
  reason?: string;
  for?: string;
  timeout?: string;
  json?: boolean;
}

const LOOK_MS = 1_000;
const BY_HAND = 'by hand';

/** `pause`, `resume` and `drain`: of everything, of a project, or of an agent. */
export function holdCommands(program: Command, cli: Cli): void {
  scoped(program, 'pause')
    .summary('keep new work from beginning')
    .description(
      'Keeps new work from beginning: everywhere, in one project, or at one agent. What runs goes on; tasks wait and lose nothing. Only a person at the command line ends it again.',
    )
    .option('-r, --reason <text>', 'why; shown wherever tasks wait for it')
    .option('--for <duration>', 'over by itself after, such as 30m or 2h; default: until resume')
    .addHelpText(
      'after',
      '\nExamples:\n  yardmaster pause --reason "the disk is being changed"\n  yardmaster pause --agent claude --for 2h',
    )
    .action(async (options: Options) => {
      const { holdView } = await import('../views/holds.ts');
      await cli.show('pause_work', holding(cli, 'pause', options), options, holdView);
    });
  scoped(program, 'resume')
    .summary('let work begin again')
    .description('Ends a pause or a drain of the same scope: work begins there again by itself.')
    .option('-r, --reason <text>', 'why; kept in the events')
    .addHelpText('after', '\nExample:\n  yardmaster resume --project shop')
    .action(async (options: Options) => {
      const { holdView } = await import('../views/holds.ts');
      const { reason } = options;
      const args = { what: 'resume', ...scopeOf(cli, options), ...(reason === undefined ? {} : { reason }) };
      await cli.show('pause_work', args, options, holdView);
    });
  scoped(program, 'drain')
    .summary('pause, and wait until nothing runs any more')
    .description(
      'Keeps new work from beginning, like pause, and waits until nothing of it runs any more. Exit code 0: drained; 1: time is up, or somebody has resumed it. It stays held afterwards.',
    )
    .option('-r, --reason <text>', 'why; shown wherever tasks wait for it')
    .option('--for <duration>', 'over by itself after, such as 30m or 2h; default: until resume')
    .option('--timeout <duration>', 'stop waiting after, such as 90s or 30m; default: never. It stays held')
    .addHelpText(
      'after',
      '\nExample:\n  yardmaster drain --project shop --timeout 30m && git -C ~/code/shop rebase main',
    )
    .action((options: Options) => drain(cli, options));
}

function scoped(program: Command, name: string): Command {
  return program
    .command(name)
    .option('-p, --project <project>', 'only this project: a path or a configured name')
    .option('-a, --agent <agent>', 'only this session, program, worker or provider')
    .option('--json', 'print the answer as JSON');
}

function scopeOf(cli: Cli, { project, agent }: Options): Structured {
  if (project !== undefined && agent !== undefined)
    throw usage('--project and --agent contradict each other', 'Two commands hold both.');
  if (project !== undefined) return { project: projectNamed(cli, project) };
  return agent === undefined ? {} : { agent };
}

function holding(cli: Cli, what: 'pause' | 'drain', options: Options): Structured {
  const { reason = BY_HAND, for: length } = options;
  const seconds = length === undefined ? undefined : parseDuration(length, '--for') / 1_000;
  return { what, ...scopeOf(cli, options), reason, ...(seconds === undefined ? {} : { for: seconds }) };
}

async function drain(cli: Cli, options: Options): Promise<void> {
  const limit = options.timeout === undefined ? Infinity : parseDuration(options.timeout, '--timeout');
  const deadline = cli.around.now() + limit;
  let answer = await cli.call<HoldAnswer>('pause_work', holding(cli, 'drain', options), options);
  const { hold: asked } = answer;
  if (!asked) throw new Failure(EXIT.refused, 'the drain was over before it could be waited for');
  let said = '';
  for (let held: Held = asked; held.state !== 'drained'; ) {
    if (cli.around.signal.aborted || cli.around.now() >= deadline) return stopWaiting(cli, answer, options);
    const news = `${held.running} ${held.running === 1 ? 'attempt runs' : 'attempts run'} still`;
    if (news !== said) cli.note(`${news}; no new one begins`);
    said = news;
    await pause(Math.min(LOOK_MS, Math.max(0, deadline - cli.around.now())), cli.around.signal);
    const next = await look(cli, asked, options);
    if (!next) throw new Failure(EXIT.refused, 'it is not held any more: somebody resumed it, or its time is over');
    held = next;
    answer = { ...answer, hold: next };
  }
  await finish(cli, answer, options);
}

async function look(cli: Cli, asked: Held, options: Options): Promise<Held | undefined> {
  const { paused } = await cli.call<{ paused: { holds?: readonly Held[] } }>('fleet_status', {}, options);
  return paused.holds?.find(
    ({ scope, name, what }) => what === 'drain' && scope === asked.scope && name === asked.name,
  );
}

async function finish(cli: Cli, answer: HoldAnswer, options: Options): Promise<void> {
  const { holdView } = await import('../views/holds.ts');
  cli.print(answer, options, holdView);
}

async function stopWaiting(cli: Cli, answer: HoldAnswer, options: Options): Promise<void> {
  await finish(cli, answer, options);
  cli.exit = EXIT.refused;
  const waited = options.timeout === undefined ? '' : ` after ${span(parseDuration(options.timeout, '--timeout'))}`;
  cli.note(`not drained yet${waited}; it stays held, and what runs goes on`);
}
