import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { taskRef } from '../project.ts';

interface Options {
  project?: string;
  detail?: string;
  json?: boolean;
}

export function showCommand(program: Command, cli: Cli): void {
  program
    .command('show')
    .summary('show one task')
    .description('Shows a task: where it stands, what came of it, and what to do next.')
    .argument('<id>', 'the task, as id or project/id')
    .option('-p, --project <project>', 'a path or a configured name')
    .option('-d, --detail <detail>', 'summary, result, attempts or log', 'result')
    .option('--json', 'print the answer as JSON')
    .addHelpText(
      'after',
      `
Examples:
  yardmaster show fix-login
  yardmaster show shop/fix-login --detail attempts`,
    )
    .action(async (id: string, options: Options) => {
      const { statusView } = await import('../views/task.ts');
      const args = { ...taskRef(cli, id, options.project), detail: options.detail };
      await cli.show('job_status', args, options, statusView);
    });
}
