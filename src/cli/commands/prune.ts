import type { Command } from 'commander';
import type { Pruned } from '../../runtime/yard.ts';
import type { Cli, Look } from '../cli.ts';
import { safeLine } from '../safe-text.ts';

interface Options {
  dryRun?: boolean;
  json?: boolean;
}

export function pruneCommand(program: Command, cli: Cli): void {
  program
    .command('prune')
    .summary('clear away what is older than the configuration wants')
    .description(
      'Removes run directories of tasks that ended longer ago than retention.runs, and events older than retention.events. Results in done/ and failed/ always stay. The runtime does the same by itself every hour.',
    )
    .option('--dry-run', 'only say what would go')
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', '\nExample:\n  yardmaster prune --dry-run')
    .action(async (options: Options) => {
      const answer = await cli.connection().request('yardmaster/prune', { dry: options.dryRun === true });
      cli.print(answer as Pruned, options, (pruned, look) => prunedView(pruned, options, look));
    });
}

function prunedView({ runs, named, events_files }: Pruned, { dryRun }: Options, { paint }: Look): string {
  const verb = dryRun ? 'would go' : 'gone';
  const names = named.map((name) => `  ${paint('dim', safeLine(name))}\n`).join('');
  const more = runs > named.length ? `  and ${runs - named.length} more\n` : '';
  return `${verb}: ${runs} run directories, ${events_files} files of old events\n${names}${more}`;
}
