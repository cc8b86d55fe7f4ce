import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { usage } from '../failure.ts';
import { projectNamed } from '../project.ts';
import { parseSince } from '../time.ts';

interface Options {
  state?: string;
  project?: string;
  group?: string;
  since?: string;
  limit?: string;
  cursor?: string;
  json?: boolean;
}

export function listCommand(program: Command, cli: Cli): void {
  program
    .command('list')
    .alias('ls')
    .summary('list tasks')
    .description('Lists tasks of all projects, or those that the options let through.')
    .option('-s, --state <states>', 'queued, claimed, running, unknown, done, failed, cancelled; separated by commas')
    .option('-p, --project <project>', 'a path or a configured name')
    .option('-g, --group <group>', 'the group that the tasks were enqueued with')
    .option('--since <when>', 'changed since: 12h, 2d, or a date')
    .option('-n, --limit <number>', 'at most so many')
    .option('--cursor <cursor>', 'goes on where an earlier list ended')
    .option('--json', 'print the answer as JSON')
    .addHelpText(
      'after',
      `
Examples:
  yardmaster list --state queued,running
  yardmaster list --since 12h --state done,failed --project shop
  yardmaster list --group release-12 --json`,
    )
    .action(async (options: Options) => {
      const { tasksView } = await import('../views/tasks.ts');
      await cli.show('list_tasks', listArguments(cli, options), options, tasksView);
    });
}

function listArguments(cli: Cli, options: Options): Record<string, unknown> {
  const { state, project, group, since, limit, cursor } = options;
  return {
    ...(state !== undefined && { state: state.split(',').map((one) => one.trim()) }),
    ...(project !== undefined && { project: projectNamed(cli, project) }),
    ...(group !== undefined && { group }),
    ...(since !== undefined && { changed_since: parseSince(since, cli.around.now(), '--since') }),
    ...(limit !== undefined && { limit: wholeNumber(limit, '--limit') }),
    ...(cursor !== undefined && { cursor }),
  };
}

export function wholeNumber(text: string, option: string): number {
  if (!/^\d+$/.test(text)) throw usage(`${option}: "${text}" is not a whole number`);
  return Number(text);
}
