import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { projectNamed } from '../project.ts';
import { parseSince } from '../time.ts';
import { wholeNumber } from './list.ts';

interface Options {
  project?: string;
  since?: string;
  limit?: string;
  cursor?: string;
  json?: boolean;
}

export function failedCommand(program: Command, cli: Cli): void {
  program
    .command('failed')
    .summary('list what has failed for good')
    .description(
      'Lists tasks that have failed for good, newest first: why, how often they were tried and what that took. Each has a file in failed/ that says what is left of it and how it can go on.',
    )
    .option('-p, --project <project>', 'a path or a configured name')
    .option('--since <when>', 'failed since: 12h, 2d, or a date')
    .option('-n, --limit <number>', 'at most so many', '20')
    .option('--cursor <cursor>', 'goes on where an earlier list ended')
    .option('--json', 'print the answer as JSON')
    .addHelpText(
      'after',
      `
Examples:
  yardmaster failed --since 12h
  yardmaster show shop/fix-login
  yardmaster retry shop/fix-login --agent codex`,
    )
    .action(async (options: Options) => {
      const { failedView } = await import('../views/failed.ts');
      const { project, since, limit = '20', cursor } = options;
      const args = {
        state: ['failed'],
        limit: wholeNumber(limit, '--limit'),
        ...(project !== undefined && { project: projectNamed(cli, project) }),
        ...(since !== undefined && { changed_since: parseSince(since, cli.around.now(), '--since') }),
        ...(cursor !== undefined && { cursor }),
      };
      await cli.show('list_tasks', args, options, failedView);
    });
}
