import type { Command } from 'commander';
import type { Cli, Structured } from '../cli.ts';
import { usage } from '../failure.ts';
import { timeAhead } from '../time.ts';
import type { ChangedLimit, QuotaAnswer } from '../views/quota.ts';

interface Options {
  reason?: string;
  for?: string;
  until?: string;
  currency?: string;
  json?: boolean;
}

export function quotaCommand(program: Command, cli: Cli): void {
  const quota = program
    .command('quota')
    .summary('what may be spent, what is, and what was changed')
    .description(
      'What agents, models and projects may spend (`allowance` in the configuration), how much of it is used, and when it begins anew. A limit can be changed while the runtime runs, for a while or until it is restored: it counts at once, and who changed it and why is kept.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  yardmaster quota\n  yardmaster quota set agent claude daily_jobs 60 --reason "release today" --for 6h\n  yardmaster quota set model opus daily_cost 20 --currency USD --reason "the month is nearly spent"\n  yardmaster quota restore agent claude daily_jobs --reason "released"',
    );
  quota
    .command('list', { isDefault: true })
    .description('lists limits with their use, the worst first, and what was used without a limit')
    .option('--json', 'print them as JSON')
    .action((options: Options) => list(cli, options));
  named(quota.command('set'))
    .description(
      'changes a limit in place of what the configuration says, over restarts too; 0 = without limit. What waits for it begins at once; what runs goes on, unless a shorter max_job_duration ends it',
    )
    .argument('<value>', 'a number; a duration such as 30m for max_job_duration and cooldown')
    .option('-r, --reason <text>', 'why; shown wherever the limit is (required)')
    .option('--for <duration>', 'for how long: 30m, 2h; default: until it is restored')
    .option('-u, --until <time>', 'until when: a time, or for how long')
    .option('--currency <code>', 'of daily_cost; default: the one that is limited now')
    .option('--json', 'print the answer as JSON')
    .action((of: string, name: string, what: string, value: string, options: Options) =>
      set(cli, { of, name, what, value }, options),
    );
  named(quota.command('restore'))
    .description('lets the configuration count again')
    .option('-r, --reason <text>', 'why; kept in the journal (required)')
    .option('--json', 'print the answer as JSON')
    .action((of: string, name: string, what: string, options: Options) => restore(cli, { of, name, what }, options));
}

function named(command: Command): Command {
  return command
    .argument('<holder>', 'agent (also a provider or a session), model or project')
    .argument('<whose>', 'its name')
    .argument('<limit>', 'its name in the configuration, such as daily_jobs');
}

async function list(cli: Cli, options: Options): Promise<void> {
  const { quotaView } = await import('../views/quota.ts');
  cli.print((await cli.connection().request('yardmaster/quota', {})) as QuotaAnswer, options, quotaView);
}

async function set(cli: Cli, asked: Structured, options: Options): Promise<void> {
  const until = endOf(cli, options);
  const params = {
    ...asked,
    reason: reasonOf(options),
    ...(until !== undefined && { until }),
    ...(options.currency !== undefined && { currency: options.currency }),
  };
  return change(cli, 'yardmaster/quota_set', params, options);
}

async function restore(cli: Cli, asked: Structured, options: Options): Promise<void> {
  return change(cli, 'yardmaster/quota_restore', { ...asked, reason: reasonOf(options) }, options);
}

async function change(cli: Cli, method: string, params: Structured, options: Options): Promise<void> {
  const { changedView } = await import('../views/quota.ts');
  const answer = (await cli.connection().request(method, params)) as ChangedLimit;
  cli.print(answer, options, changedView);
  if (!options.json && answer.hint !== undefined) cli.note(answer.hint);
}

function reasonOf({ reason }: Options): string {
  if (reason !== undefined && reason.trim() !== '') return reason;
  throw usage('a change of a limit needs a reason; nothing was changed', 'Say why: --reason "release today".');
}

function endOf(cli: Cli, options: Options): number | undefined {
  if (options.for !== undefined && options.until !== undefined)
    throw usage('--for and --until both say when it ends', 'Give one of them.');
  if (options.for !== undefined) return timeAhead(options.for, cli.around.now(), '--for');
  return options.until === undefined ? undefined : timeAhead(options.until, cli.around.now(), '--until');
}
