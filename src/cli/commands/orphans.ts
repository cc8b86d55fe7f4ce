import type { Command } from 'commander';
import type { Cli, Structured } from '../cli.ts';
import { EXIT, Failure, usage } from '../failure.ts';
import type { ListedOrphan } from '../views/orphans.ts';
import { wholeNumber } from './list.ts';

interface Options {
  all?: boolean;
  yes?: boolean;
  json?: boolean;
}

export function orphansCommand(program: Command, cli: Cli): void {
  const orphans = program
    .command('orphans')
    .summary('processes of attempts that are over')
    .description(
      'Processes that carry the mark of an attempt of this home which is over: agents, and what they have started. What a task that is done has left open may stay, and is only listed with --all.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  yardmaster orphans\n  yardmaster orphans end 4711\n  yardmaster orphans end --yes',
    );
  orphans
    .command('list', { isDefault: true })
    .description('lists them: since when, what, of which attempt, and why')
    .option('-a, --all', 'also what tasks that are done have left open')
    .option('--json', 'print them as JSON')
    .action((options: Options) => list(cli, options));
  orphans
    .command('end')
    .description('ends them, or those that are named; asks first where there is a terminal')
    .argument('[pid...]', 'as listed; also one that a task which is done has left open')
    .option('-y, --yes', 'do not ask')
    .option('--json', 'print the answer as JSON')
    .action((pids: string[], options: Options) => end(cli, pids, options));
}

async function list(cli: Cli, options: Options): Promise<void> {
  const { orphansView } = await import('../views/orphans.ts');
  const { seen, orphans } = await listed(cli);
  const shown = options.all ? orphans : orphans.filter(({ kept }) => !kept);
  cli.print({ seen, orphans: shown }, options, orphansView);
}

async function end(cli: Cli, pids: readonly string[], options: Options): Promise<void> {
  const { orphansView, endedView } = await import('../views/orphans.ts');
  const { seen, orphans } = await listed(cli);
  const those = meant(orphans, pids);
  if (those.length === 0) return cli.print({ ended: [], left: [] }, options, () => 'there is nothing to end\n');
  if (!options.yes) {
    if (!cli.around.ask) throw usage('nobody can be asked here; nothing was ended', 'Say so with --yes.');
    cli.say(orphansView({ seen, orphans: those }, cli.look()));
    const said = await cli.around.ask(`end ${those.length === 1 ? 'it' : `these ${those.length}`}? [y/N] `);
    if (!/^y(?:es)?$/i.test(said.trim())) throw new Failure(EXIT.refused, 'nothing was ended');
  }
  const named = those.map(({ pid, start }) => ({ pid, start }));
  const answer = (await cli.connection().request('yardmaster/orphans_end', { those: named })) as EndedOrphans;
  if (answer.left.length > 0) cli.exit = EXIT.refused;
  cli.print(answer, options, endedView);
}

interface EndedOrphans extends Structured {
  readonly ended: readonly ListedOrphan[];
  readonly left: readonly number[];
}

function meant(orphans: readonly ListedOrphan[], pids: readonly string[]): readonly ListedOrphan[] {
  if (pids.length === 0) return orphans.filter(({ kept }) => !kept);
  return pids.map((given) => {
    const found = orphans.find(({ pid }) => pid === wholeNumber(given, 'pid'));
    if (found) return found;
    const hint =
      'It has no mark of this home, or its attempt is live: `yardmaster cancel` ends that. Nothing was ended.';
    throw new Failure(EXIT.refused, `${given} is no process of an attempt that is over`, hint);
  });
}

async function listed(cli: Cli): Promise<{ seen: boolean; orphans: readonly ListedOrphan[] }> {
  return (await cli.connection().request('yardmaster/orphans', {})) as {
    seen: boolean;
    orphans: readonly ListedOrphan[];
  };
}
