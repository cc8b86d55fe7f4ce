import type { Command } from 'commander';
import type { DelegatedStatus } from '../../runtime/model/delegated.ts';
import type { Cli } from '../cli.ts';
import { usage } from '../failure.ts';
import { taskRef } from '../project.ts';
import { addTaskOptions } from '../task-options.ts';
import { decide, type RouteOptions } from './route.ts';

interface Options {
  project?: string;
  provider?: string;
  json?: boolean;
}

export function delegateCommand(program: Command, cli: Cli): void {
  const delegate = program
    .command('delegate')
    .summary('hand a task to a remote provider')
    .description('Hands tasks to remote AI job services, and looks after them.')
    .addHelpText(
      'after',
      `
Examples:
  yardmaster delegate submit summarise-logs --provider gpu
  yardmaster delegate list
  yardmaster delegate get summarise-logs
  yardmaster delegate result summarise-logs
  yardmaster delegate decide --preferred-ai gemini`,
    );
  ofTask(delegate, 'submit', 'hands a waiting task to a provider now')
    .option('--provider <name>', 'a provider, or an AI that one serves; default: the default provider')
    .action(async (id: string, options: Options) => {
      const { changedView } = await import('../views/task.ts');
      const { provider } = options;
      const args = { ...taskRef(cli, id, options.project), ...(provider === undefined ? {} : { provider }) };
      await cli.show('delegate', args, options, changedView);
    });
  delegate
    .command('list')
    .description('lists the jobs at providers: how old, what the provider says, what is wrong')
    .option('--provider <name>', 'only those of one provider')
    .option('--json', 'print the answer as JSON')
    .action((options: Options) => list(cli, options));
  ofTask(delegate, 'get', 'shows where a delegated task stands').action((id: string, options: Options) =>
    look(cli, id, options, 'summary'),
  );
  ofTask(delegate, 'result', 'shows what came of a delegated task').action((id: string, options: Options) =>
    look(cli, id, options, 'result'),
  );
  const ask = delegate
    .command('decide')
    .description('says whether a task would be delegated, and why')
    .argument('[id]', 'the task, as id or project/id')
    .option('-p, --project <project>', 'a path or a configured name')
    .option('--json', 'print the answer as JSON');
  addTaskOptions(ask).action((id: string | undefined, options: RouteOptions) => decide(cli, id, options));
}

function ofTask(parent: Command, name: string, description: string): Command {
  return parent
    .command(name)
    .description(description)
    .argument('<id>', 'the task, as id or project/id')
    .option('-p, --project <project>', 'a path or a configured name')
    .option('--json', 'print the answer as JSON');
}

async function list(cli: Cli, options: Options): Promise<void> {
  const { delegatedView } = await import('../views/delegated.ts');
  const { provider } = options;
  const all = (await cli.connection().request('yardmaster/delegated', {})) as DelegatedStatus;
  if (provider !== undefined && !Object.hasOwn(all.providers, provider)) {
    const known = Object.keys(all.providers).join(', ') || 'none';
    throw usage(`there is no provider "${provider}"`, `configured: ${known}`);
  }
  const jobs = all.jobs.filter((job) => provider === undefined || job.provider === provider);
  const counters = (provider === undefined ? undefined : all.providers[provider]) ?? all;
  cli.print({ ...all, ...counters, jobs }, options, delegatedView);
}

async function look(cli: Cli, id: string, options: Options, detail: 'summary' | 'result'): Promise<void> {
  const { statusView } = await import('../views/task.ts');
  await cli.show('job_status', { ...taskRef(cli, id, options.project), detail }, options, statusView);
}
