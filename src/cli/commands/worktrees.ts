import type { Command } from 'commander';
import type { Cli, Structured } from '../cli.ts';
import { EXIT, usage } from '../failure.ts';
import { taskRef } from '../project.ts';
import type { Cleaned, Worktree } from '../views/worktrees.ts';

interface Options {
  discard?: boolean;
  yes?: boolean;
  json?: boolean;
}

export function worktreesCommand(program: Command, cli: Cli): void {
  const worktrees = program
    .command('worktrees')
    .summary('the git worktrees of tasks')
    .description(
      'The git worktrees in which tasks with `workspace: worktree` work. One goes by itself when its task has ended and nothing in it is uncommitted; its branch stays. Otherwise it is kept until you clean it.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  yardmaster worktrees\n  yardmaster worktrees clean\n  yardmaster worktrees clean shop/fix-login --discard',
    );
  worktrees
    .command('list', { isDefault: true })
    .description('lists them: task, branch, size, what is uncommitted, where they are')
    .option('--json', 'print them as JSON')
    .action(async (options: Options) => {
      const { worktreesView } = await import('../views/worktrees.ts');
      cli.print((await cli.connection().request('yardmaster/worktrees', {})) as Structured, options, worktreesView);
    });
  worktrees
    .command('clean')
    .description(
      'removes those in which nothing is uncommitted, of all tasks that have ended or of the named ones; never one that is in use',
    )
    .argument('[worktree...]', 'their tasks, as id or project/id; default: all')
    .option('--discard', 'also those with uncommitted work: it is lost')
    .option('-y, --yes', 'do not ask')
    .option('--json', 'print what became of each as JSON')
    .action((tasks: string[], options: Options) => clean(cli, tasks, options));
}

async function clean(cli: Cli, given: readonly string[], options: Options): Promise<void> {
  const { cleanedView, goingView } = await import('../views/worktrees.ts');
  const params = { tasks: given.map((id) => taskRef(cli, id, undefined)), discard: options.discard === true };
  if (options.discard && !options.yes) {
    const { worktrees: going } = (await request(cli, { ...params, act: false })) as { worktrees: readonly Worktree[] };
    if (going.length > 0 && !(await agreed(cli, goingView(going, cli.look())))) return;
  }
  const answer = await request(cli, { ...params, act: true });
  cli.print(answer, options, cleanedView);
  const { cleaned } = answer as { cleaned: readonly Cleaned[] };
  if (given.length > 0 && cleaned.some(({ what }) => what !== 'removed')) cli.exit = EXIT.refused;
}

async function request(cli: Cli, params: Structured): Promise<Structured> {
  return (await cli.connection().request('yardmaster/clean_worktrees', params)) as Structured;
}

/** What is lost is named first. */
async function agreed(cli: Cli, going: string): Promise<boolean> {
  const { ask } = cli.around;
  if (!ask) {
    throw usage(
      '--discard takes away work that is in no commit, and nobody is there to be asked',
      'Give --yes as well. Nothing was removed.',
    );
  }
  cli.around.err(going);
  const answer = await ask('Remove them, with what is listed as lost? [y/N] ');
  if (/^y(es)?$/i.test(answer.trim())) return true;
  cli.note('nothing was removed');
  return false;
}
