import type { Command } from 'commander';
import type { Cli } from '../cli.ts';

export function statusCommand(program: Command, cli: Cli): void {
  program
    .command('status')
    .summary('what needs a person, then everything else')
    .description('Shows first what needs a person, then the agents and the counts of tasks.')
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', '\nExamples:\n  yardmaster status\n  yardmaster status --json | jq .converged')
    .action(async (options: { json?: boolean }) => {
      const { fleetView } = await import('../views/fleet.ts');
      await cli.show('fleet_status', {}, options, fleetView);
    });
}
