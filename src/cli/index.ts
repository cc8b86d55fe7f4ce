import { Command, CommanderError } from 'commander';
import { Cli } from './cli.ts';
import { ProgramEnded } from './commands/daemon.ts';
import { COMMANDS } from './commands.ts';
import { EXIT, Failure } from './failure.ts';
import { hintForPeople } from './hints.ts';
import { processSurroundings } from './process.ts';
import { safeText } from './safe-text.ts';
import type { RuntimeControl, Surroundings } from './surroundings.ts';

/** Runs one command of the command line; the exit code. */
export async function run(
  argv: readonly string[],
  runtime: RuntimeControl,
  around = processSurroundings(),
): Promise<number> {
  const cli = new Cli(around, runtime);
  try {
    await build(cli).parseAsync([...argv], { from: 'user' });
    return cli.exit;
  } catch (error) {
    return explain(error, around);
  } finally {
    cli.close();
  }
}

/** The whole tree of commands. */
export function build(cli: Cli): Command {
  const { around } = cli;
  const program = new Command('yardmaster')
    .description('Hands work to coding agents and brings the results home.')
    .version(cli.runtime.version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .showSuggestionAfterError(true)
    .configureOutput({
      writeOut: (text) => around.out(text),
      writeErr: (text) => around.err(text),
      getOutHasColors: () => around.colours,
      getErrHasColors: () => around.colours,
    })
    .exitOverride()
    .addHelpText(
      'after',
      `
Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 the runtime can't be reached.
Each command explains itself: yardmaster enqueue --help`,
    );
  for (const add of COMMANDS) add(program, cli);
  return program;
}

function explain(error: unknown, around: Surroundings): number {
  if (error instanceof ProgramEnded) return error.code;
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage; // it has said why
  if (error instanceof Failure) {
    const next = error.next === undefined ? '' : `  ${safeText(hintForPeople(error.next))}\n`;
    around.err(`yardmaster: ${safeText(error.message)}\n${next}`);
    return error.exit;
  }
  const said = error instanceof Error ? (error.stack ?? error.message) : String(error);
  around.err(`yardmaster: this should not happen; please report it.\n${safeText(said)}\n`);
  return EXIT.unreachable;
}
