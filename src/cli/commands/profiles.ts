import type { Command } from 'commander';
import type { Cli, Structured } from '../cli.ts';
import { timeAhead } from '../time.ts';

interface Options {
  until?: string;
  reason?: string;
  json?: boolean;
}

export function profilesCommand(program: Command, cli: Cli): void {
  const profiles = program
    .command('profiles')
    .summary('the accounts of the agents')
    .description(
      'The accounts of the agents, as `agents.<agent>.profiles` names them. One that meets a limit rests by itself until the limit ends, and the next one is used.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  yardmaster profiles\n  yardmaster profiles pause claude work --until 2h\n  yardmaster profiles use claude home',
    );
  profiles
    .command('list', { isDefault: true })
    .description('lists them: which one is used, and which rest until when')
    .option('--json', 'print them as JSON')
    .action((options: Options) => list(cli, options));
  named(profiles.command('pause'))
    .description('starts no more attempts with it; those that run go on')
    .option('-u, --until <time>', 'a time, or for how long: 30m, 2h; default: until it is resumed')
    .option('-r, --reason <text>', 'why; shown wherever it is listed')
    .action((agent: string, name: string, options: Options) => act(cli, 'pause', agent, name, options));
  named(profiles.command('resume'))
    .description('lets it be used again, now')
    .action((agent: string, name: string, options: Options) => act(cli, 'resume', agent, name, options));
  named(profiles.command('use'))
    .description('uses it first from the next attempt on')
    .action((agent: string, name: string, options: Options) => act(cli, 'use', agent, name, options));
}

function named(command: Command): Command {
  return command
    .argument('<account>', 'the agent: claude, codex or gemini')
    .argument('<profile>', 'its name')
    .option('--json', 'print the answer as JSON');
}

async function list(cli: Cli, options: Options): Promise<void> {
  const { profilesView } = await import('../views/profiles.ts');
  cli.print((await cli.connection().request('yardmaster/profiles', {})) as Structured, options, profilesView);
}

async function act(cli: Cli, what: string, agent: string, name: string, options: Options): Promise<void> {
  const { profilesView } = await import('../views/profiles.ts');
  const until = options.until === undefined ? {} : { until: timeAhead(options.until, cli.around.now(), '--until') };
  const reason = options.reason === undefined ? {} : { reason: options.reason };
  const params = { act: what, agent, name, ...until, ...reason };
  const profile = (await cli.connection().request('yardmaster/profile', params)) as Structured;
  cli.print(profile, options, (one, look) => profilesView({ profiles: [one] }, look));
}
