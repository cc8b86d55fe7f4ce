import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { usage } from '../failure.ts';
import { taskRef } from '../project.ts';
import { addTaskOptions, taskFields } from '../task-options.ts';

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

interface RetryOptions extends Options, Record<string, unknown> {
  resume?: boolean;
  fresh?: boolean;
  instructions?: string;
}

export function retryCommand(program: Command, cli: Cli): void {
  const command = program
    .command('retry')
    .summary('try a task again, as it was or with changes')
    .description(
      'Makes a failed or cancelled task a new one; frees one that waits for its next attempt, or is unknown, to run now. The options change its text: everything else in it stays as it is.',
    )
    .argument('<id>', 'the task, as id or project/id')
    .option('-p, --project <project>', 'a path or a configured name');
  addTaskOptions(command, CHANGEABLE)
    .option('--instructions <text>', 'further words for its agent, added to the text; - reads them from stdin')
    .option('--resume', 'go on in the conversation and folder of its newest attempt')
    .option('--fresh', 'begin a new conversation')
    .option('--json', 'print the answer as JSON')
    .addHelpText(
      'after',
      `
Examples:
  yardmaster retry shop/fix-login
  yardmaster retry shop/fix-login --agent codex
  yardmaster retry shop/fix-login --model opus --budget-usd 5
  yardmaster retry shop/fix-login --resume --instructions "The database is up again: run the tests."`,
    )
    .action(async (id: string, options: RetryOptions) => {
      const { changedView } = await import('../views/task.ts');
      const args = { ...taskRef(cli, id, options.project), ...(await changesOf(cli, options)) };
      await cli.show('retry_task', args, options, changedView);
    });
}

const CHANGEABLE = [
  ...['agent', 'preferred_ai', 'model', 'mode', 'priority'],
  ...['budget_usd', 'max_attempts', 'ttl_seconds', 'permission_mode'],
];

async function changesOf(cli: Cli, options: RetryOptions): Promise<Record<string, unknown>> {
  const { resume, fresh, instructions } = options;
  if (resume && fresh) throw usage('--resume and --fresh exclude each other');
  const words = instructions === '-' ? await cli.around.stdin() : instructions;
  return {
    ...taskFields(options),
    ...(words !== undefined && { instructions: words }),
    ...(resume && { conversation: 'resume' }),
    ...(fresh && { conversation: 'fresh' }),
  };
}
