import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Cli, Structured } from '../cli.ts';
import { projectNamed } from '../project.ts';
import { fieldLines } from '../views/fields.ts';

export function importCommand(program: Command, cli: Cli): void {
  program
    .command('import')
    .summary('take over a queue that another tool left')
    .description(
      'Takes over the queue of a project: what waits is taken, and what another program left as started without a trace is freed to run. Finished tasks are left as they are.',
    )
    .argument('[project]', 'a path or a configured name', '.')
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', '\nExample:\n  yardmaster import ~/code/shop')
    .action(async (given: string, options: { json?: boolean }) => {
      const project = given === '.' ? resolve(cli.around.cwd) : projectNamed(cli, given);
      const answer = await cli.connection().request('yardmaster/scan', { project, take_over: true });
      cli.print(answer as Structured, options, fieldLines);
    });
}
