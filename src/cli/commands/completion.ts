import { Argument, type Command } from 'commander';
import type { Cli } from '../cli.ts';
import { SHELLS, type Shell, scriptFor } from '../completion/scripts.ts';

export function completionCommand(program: Command, cli: Cli): void {
  program
    .command('completion')
    .summary('completion for bash, zsh or fish')
    .description(
      'Prints the script that completes commands, options, their values, and the names of tasks, projects and agents of the running runtime. Completing starts no runtime.',
    )
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .addHelpText(
      'after',
      `
Examples:
  source <(yardmaster completion bash)
  yardmaster completion zsh > "\${fpath[1]}/_yardmaster"
  yardmaster completion fish > ~/.config/fish/completions/yardmaster.fish`,
    )
    .action(async (shell: Shell) => {
      const { nodesOf } = await import('../completion/tree.ts');
      const { tableOf } = await import('../completion/table.ts');
      cli.say(scriptFor(shell, tableOf(nodesOf(program))));
    });
}
