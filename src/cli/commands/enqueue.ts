import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Cli, Structured } from '../cli.ts';
import { EXIT, usage } from '../failure.ts';
import { projectToUse } from '../project.ts';
import { addTaskOptions, taskFields } from '../task-options.ts';

interface Options extends Record<string, unknown> {
  file?: string[];
  project?: string;
  id?: string;
  json?: boolean;
}

/** So many tasks travel in one call; they are committed together. */
const BATCH = 100;

export function enqueueCommand(program: Command, cli: Cli): void {
  const command = program
    .command('enqueue')
    .summary('add tasks to a queue')
    .description(
      'Adds a task: its text as arguments, from files, or from stdin with "-". Front matter in a file counts; an option beats it.',
    )
    .argument('[text...]', 'what is to be done; - reads it from stdin')
    .option('-f, --file <path...>', 'one task per markdown file')
    .option('-p, --project <project>', 'a path or a configured name; default: the project around here')
    .option('--id <id>', 'the id, for a single task')
    .option('--json', 'print the answer as JSON')
    .addHelpText(
      'after',
      `
Examples:
  yardmaster enqueue "Fix the login redirect" --priority high --tags auth,backend
  yardmaster enqueue --file tasks/*.md --group release-12
  git diff | yardmaster enqueue - --title "Review this diff" --agent claude
  yardmaster enqueue "Ship it" --depends-on build,test --project shop`,
    );
  addTaskOptions(command).action((text: string[], options: Options) => enqueue(cli, text, options));
}

async function enqueue(cli: Cli, text: readonly string[], options: Options): Promise<void> {
  const common = { ...taskFields(options), ...(options.id === undefined ? {} : { id: options.id }) };
  const tasks = (await written(cli, text, options.file ?? [])).map((task) => ({ ...task, ...common }));
  if (tasks.length > 1 && options.id !== undefined) throw usage('--id names one task, but there are several');
  const project = projectToUse(cli, options.project);
  const { acceptedView, refusedAmong } = await import('../views/accepted.ts');
  if (tasks.length === 1) {
    await cli.show('enqueue_task', { project, ...tasks[0] }, options, acceptedView);
    return;
  }
  for (let at = 0; at < tasks.length; at += BATCH) {
    const answer = await cli.show(
      'enqueue_task',
      { project, tasks: tasks.slice(at, at + BATCH) },
      options,
      acceptedView,
    );
    if (refusedAmong(answer)) cli.exit = EXIT.refused;
  }
}

/** The tasks as the person gave them, in order: arguments or stdin, then files. */
async function written(cli: Cli, text: readonly string[], files: readonly string[]): Promise<Structured[]> {
  const tasks: Structured[] = [];
  const sources: { name: string; text: string; plain?: boolean }[] = [];
  if (text.length === 1 && text[0] === '-') sources.push({ name: 'stdin', text: await cli.around.stdin() });
  else if (text.length > 0) sources.push({ name: 'the text', text: text.join(' '), plain: true });
  for (const file of files) sources.push({ name: file, text: await textOf(cli, file) });
  if (sources.length === 0)
    throw usage('there is nothing to enqueue', 'Give the text as an argument, files with --file, or - for stdin.');
  for (const source of sources) tasks.push(await taskOf(cli, source));
  return tasks;
}

async function taskOf(cli: Cli, source: { name: string; text: string; plain?: boolean }): Promise<Structured> {
  if (source.plain) return { body: source.text };
  const { readTaskFile } = await import('../task-file.ts');
  const { fields, body, unknown } = readTaskFile(source.text, source.name);
  if (unknown.length > 0) cli.note(`${source.name}: left out what is not known: ${unknown.join(', ')}`);
  return { body, ...fields };
}

async function textOf(cli: Cli, file: string): Promise<string> {
  if (file === '-') return cli.around.stdin();
  try {
    return await readFile(resolve(cli.around.cwd, file), 'utf8');
  } catch (error) {
    throw usage(`can't read ${file}: ${(error as Error).message}`, 'Nothing was enqueued.');
  }
}
