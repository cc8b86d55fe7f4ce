import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import type { ConfigSources, LoadedConfig } from '../../runtime/config/load.ts';
import type { LoadedProject } from '../../runtime/config/project.ts';
import type { Reloaded } from '../../runtime/yard.ts';
import type { Cli } from '../cli.ts';
import { EXIT, Failure, usage } from '../failure.ts';
import { projectAround, projectNamed } from '../project.ts';
import { safeText } from '../safe-text.ts';

interface Options {
  json?: boolean;
  project?: string;
}

export function configCommand(program: Command, cli: Cli): void {
  const config = program
    .command('config')
    .summary('show, explain, check and reload the configuration')
    .description(
      `The configuration. The strongest comes first: --set of \`serve\`, YARDMASTER_<SECTION>_<KEY> in the environment, yardmaster.yaml in the project (a few keys), yardmaster.yaml of the user, defaults.`,
    )
    .addHelpText(
      'after',
      '\nExamples:\n  yardmaster config explain retry\n  yardmaster config check\n  YARDMASTER_DISPATCHER_SCAN=10s yardmaster config show',
    );
  config
    .command('show')
    .description("shows what the user's file and the environment say, defaults included; durations in milliseconds")
    .option('--json', 'print it as JSON')
    .action((options: Options) => show(cli, options));
  config
    .command('explain')
    .description('says of each value where it comes from')
    .argument('[key]', 'a key such as retry.max_attempts, or a section')
    .option('-p, --project <path>', 'as it counts for the tasks of this project; default: the one around')
    .option('--json', 'print it as JSON')
    .action((key: string | undefined, options: Options) => explain(cli, key, options));
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
    .option('-p, --project <path>', 'also the file of this project; default: the one around')
    .option('--json', 'print the problems as JSON')
    .action((options: Options) => check(cli, options));
  config
    .command('reload')
    .description('tells the runtime to read it now; it also notices changes by itself')
    .option('--json', 'print the answer as JSON')
    .action((options: Options) => reload(cli, options));
  config
    .command('schema')
    .description('prints the JSON Schema, for editors')
    .option('--project', "of a project's own file")
    .option('--hint', 'only the line that tells an editor where the schema is')
    .action((options: { project?: boolean; hint?: boolean }) => schema(cli, options));
}

async function show(cli: Cli, options: Options): Promise<void> {
  const loaded = await load(cli);
  if (!loaded.config) throw await wrong(loaded.problems);
  if (options.json) return cli.json(loaded.config);
  const { stringify } = await import('yaml');
  const source = loaded.from.length === 0 ? 'defaults only' : `defaults, overlaid by ${loaded.from.join(', ')}`;
  cli.say(safeText(`# ${source}\n${stringify(loaded.config)}`));
}

async function explain(cli: Cli, key: string | undefined, options: Options): Promise<void> {
  const loaded = await load(cli);
  const own = await ownFile(cli, options.project, loaded);
  const problems = [...loaded.problems, ...(own?.loaded.problems ?? [])];
  if (problems.length > 0) throw await wrong(problems);
  const { explain, rowsOf } = await import('../../runtime/config/explain.ts');
  const all = explain(loaded, own?.loaded);
  const values = key === undefined ? all : rowsOf(all, key);
  if (values.length === 0)
    throw usage(`there is no key "${key}"`, 'yardmaster config explain, without a key, lists all.');
  const { explainedView } = await import('../views/config.ts');
  if (options.json) return cli.json({ values: values.map((one) => ({ ...one, value: one.value ?? null })) });
  cli.say(explainedView({ values }, cli.look()));
}

async function check(cli: Cli, options: Options): Promise<void> {
  const loaded = await load(cli);
  const own = await ownFile(cli, options.project, loaded);
  const problems = [...loaded.problems, ...(own?.loaded.problems ?? [])];
  const from = [...loaded.from, ...(own ? [own.path] : [])];
  if (problems.length > 0) cli.exit = EXIT.refused;
  if (options.json) return cli.json({ ok: problems.length === 0, from, problems });
  if (problems.length > 0) throw await wrong(problems);
  cli.say(from.length === 0 ? 'ok: there is no file, defaults are in force' : `ok: ${from.join(', ')}`);
}

async function reload(cli: Cli, options: Options): Promise<void> {
  const answer = (await cli.connection({ start: false }).request('yardmaster/reload', {})) as Reloaded;
  if (answer.problems.length > 0) cli.exit = EXIT.refused;
  if (options.json) return cli.json(answer);
  const { changed, restart, problems } = answer;
  for (const problem of problems) cli.note(`${problem}\n  The last good configuration stays in force.`);
  if (changed.length > 0)
    cli.say(safeText(`in force now: ${changed.filter((key) => !restart.includes(key)).join(', ')}`));
  if (restart.length > 0) cli.say(safeText(`in force after a restart: ${restart.join(', ')}`));
  if (changed.length + problems.length + restart.length === 0) cli.say('nothing has changed');
}

const SCHEMA = { user: 'yardmaster.schema.json', project: 'yardmaster.project.schema.json' } as const;

async function schema(cli: Cli, options: { project?: boolean; hint?: boolean }): Promise<void> {
  if (options.hint) {
    const root = fileURLToPath(new URL('../../..', import.meta.url));
    return cli.say(`# yaml-language-server: $schema=${join(root, SCHEMA[options.project ? 'project' : 'user'])}`);
  }
  const { configSchema, projectSchema } = await import('../../runtime/config/schema.ts');
  cli.say(JSON.stringify(options.project ? projectSchema() : configSchema(), null, 2));
}

async function wrong(problems: LoadedConfig['problems']): Promise<Failure> {
  const { describeProblem } = await import('../../runtime/config/problem.ts');
  const lines = problems.map((problem) => `  ${describeProblem(problem)}`);
  const next = 'A runtime that runs goes on with the last good one; a new one does not start until this is mended.';
  return new Failure(EXIT.refused, `the configuration is wrong\n${lines.join('\n')}`, next);
}

async function load(cli: Cli): Promise<LoadedConfig> {
  const { loadConfig } = await import('../../runtime/config/load.ts');
  return loadConfig(sourcesOf(cli));
}

/** The project's own file, where there is one and it is not the user's. */
async function ownFile(
  cli: Cli,
  named: string | undefined,
  { config }: LoadedConfig,
): Promise<{ path: string; loaded: LoadedProject } | undefined> {
  const { configPath } = await import('../../runtime/config/load.ts');
  const { projectConfigPath, readProject } = await import('../../runtime/config/project.ts');
  const given = named === undefined ? projectAround(cli) : projectNamed(cli, named);
  const folder = config?.projects.find(({ name }) => name === given)?.path ?? given;
  if (folder === undefined) return undefined;
  const path = projectConfigPath(folder);
  if (path === configPath(cli.around.env, cli.around.userHome)) return undefined;
  const text = await textOf(path);
  return text === undefined ? undefined : { path, loaded: readProject(text, path) };
}

/** The same file that the runtime of this user would read. */
export function sourcesOf(cli: Cli, set: readonly string[] = []): ConfigSources {
  return { read: textOf, env: cli.around.env, userHome: cli.around.userHome, set };
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
