import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { taskRef } from '../project.ts';

interface Options {
  project?: string;
  reason?: string;
  json?: boolean;
}

export function cancelCommand(program: Command, cli: Cli): void {
  program
    .command('cancel')
    .summary('cancel a task')
    .description(
      'Cancels a task: a waiting one at once, a running one as soon as its agent has ended. Its file stays, in failed/.',
    )
    .argument('<id>', 'the task, as id or project/id')
    .option('-p, --project <project>', 'a path or a configured name')
    .option('-r, --reason <text>', 'why; kept with the task')
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', '\nExample:\n  yardmaster cancel fix-login --reason "done by hand"')
    .action(async (id: string, options: Options) => {
      const { changedView } = await import('../views/task.ts');
      const { reason } = options;
      const args = { ...taskRef(cli, id, options.project), ...(reason === undefined ? {} : { reason }) };
      await cli.show('cancel_task', args, options, changedView);
    });
}

export function retryCommand(program: Command, cli: Cli): void {
  program
    .command('retry')
    .summary('try a task again')
    .description(
      'Makes a failed or cancelled task a new one; frees one that waits for its next attempt, or is unknown, to run now.',
    )
    .argument('<id>', 'the task, as id or project/id')
    .option('-p, --project <project>', 'a path or a configured name')
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', '\nExample:\n  yardmaster retry shop/fix-login')
    .action(async (id: string, options: Options) => {
      const { changedView } = await import('../views/task.ts');
      await cli.show('retry_task', taskRef(cli, id, options.project), options, changedView);
    });
}
