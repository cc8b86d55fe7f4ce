import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { ConfigSources, LoadedConfig } from '../../runtime/config/load.ts';
import type { Cli } from '../cli.ts';
import { EXIT, Failure } from '../failure.ts';
import { safeText } from '../safe-text.ts';

interface Options {
  json?: boolean;
}

export function configCommand(program: Command, cli: Cli): void {
  const config = program
    .command('config')
    .summary('show and check the configuration')
    .description('The configuration: one YAML file, overlaid by YARDMASTER_<SECTION>_<KEY> in the environment.')
    .addHelpText(
      'after',
      '\nExamples:\n  yardmaster config path\n  yardmaster config check\n  YARDMASTER_DISPATCHER_SCAN=10s yardmaster config show',
    );
  config
    .command('show')
    .description('shows what is in force, defaults included; durations in milliseconds')
    .option('--json', 'print it as JSON')
    .action(async (options: Options) => {
      const { config: inForce, from, problems } = await load(cli);
      if (!inForce) throw await wrong({ config: inForce, from, problems });
      if (options.json) return cli.json(inForce);
      const { stringify } = await import('yaml');
      const source = from.length === 0 ? 'defaults only' : `defaults, overlaid by ${from.join(', ')}`;
      cli.say(safeText(`# ${source}\n${stringify(inForce)}`));
    });
  config
    .command('path')
    .description('prints where the file is looked for')
    .action(async () => {
      const { configPath } = await import('../../runtime/config/load.ts');
      cli.say(configPath(cli.around.env, cli.around.userHome));
    });
  config
    .command('check')
    .description('says what is wrong with it; exit code 1 when something is')
    .option('--json', 'print the problems as JSON')
    .action((options: Options) => check(cli, options));
}

async function check(cli: Cli, options: Options): Promise<void> {
  const loaded = await load(cli);
  if (loaded.problems.length > 0) cli.exit = EXIT.refused;
  if (options.json) return cli.json({ ok: loaded.problems.length === 0, from: loaded.from, problems: loaded.problems });
  if (loaded.problems.length > 0) throw await wrong(loaded);
  cli.say(loaded.from.length === 0 ? 'ok: there is no file, defaults are in force' : `ok: ${loaded.from.join(', ')}`);
}

async function wrong({ problems }: LoadedConfig): Promise<Failure> {
  const { describeProblem } = await import('../../runtime/config/problem.ts');
  const lines = problems.map((problem) => `  ${describeProblem(problem)}`);
  const next =
    'A runtime that runs goes on with what it read at its start; a new one does not start until this is mended.';
  return new Failure(EXIT.refused, `the configuration is wrong\n${lines.join('\n')}`, next);
}

async function load(cli: Cli): Promise<LoadedConfig> {
  const { loadConfig } = await import('../../runtime/config/load.ts');
  return loadConfig(sourcesOf(cli));
}

/** The same file that the runtime of this user would read. */
export function sourcesOf(cli: Cli): ConfigSources {
  return { read: textOf, env: cli.around.env, userHome: cli.around.userHome };
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
