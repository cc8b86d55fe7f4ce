import type { Command } from 'commander';
import type { Cli, Structured } from '../cli.ts';
import { usage } from '../failure.ts';
import { projectToUse, taskRef } from '../project.ts';
import { addTaskOptions, taskFields } from '../task-options.ts';

export interface RouteOptions extends Record<string, unknown> {
  project?: string;
  json?: boolean;
}

export function routeCommand(program: Command, cli: Cli): void {
  const command = program
    .command('route')
    .summary('ask where a task would run')
    .description(
      'Says where a task would run now and which rules decided it. Without an id, for a task that the options describe.',
    )
    .argument('[id]', 'the task, as id or project/id')
    .option('-p, --project <project>', 'a path or a configured name')
    .option('--json', 'print the answer as JSON')
    .addHelpText(
      'after',
      `
Examples:
  yardmaster route fix-login
  yardmaster route --preferred-ai gemini --priority critical`,
    );
  addTaskOptions(command).action((id: string | undefined, options: RouteOptions) => decide(cli, id, options));
}

export async function decide(cli: Cli, id: string | undefined, options: RouteOptions): Promise<void> {
  const { routeView } = await import('../views/route.ts');
  await cli.show('decide_route', subject(cli, id, options), options, routeView);
}

function subject(cli: Cli, id: string | undefined, options: RouteOptions): Structured {
  const fields = taskFields(options);
  if (id === undefined) return { project: projectToUse(cli, options.project), ...fields };
  if (Object.keys(fields).length > 0) throw usage('give an id, or describe a task with options, not both');
  return { ...taskRef(cli, id, options.project) };
}
