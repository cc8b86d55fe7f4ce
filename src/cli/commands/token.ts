import type { Command } from 'commander';
import { homeAt, makeHome } from '../../home.ts';
import { ensureToken, rotateToken } from '../../token.ts';
import type { Cli } from '../cli.ts';

export function tokenCommand(program: Command, cli: Cli): void {
  program
    .command('token')
    .summary('the token for HTTP')
    .description(
      'Prints the token that clients show over HTTP (Authorization: Bearer …); it is made when there is none. Whoever has it may do everything.',
    )
    .option('--rotate', 'make a new one; what was opened with the old one ends')
    .addHelpText(
      'after',
      '\nExample:\n  curl -H "Authorization: Bearer $(yardmaster token)" http://127.0.0.1:7431/healthz',
    )
    .action(async (options: { rotate?: boolean }) => {
      const home = homeAt(cli.runtime.home);
      makeHome(home);
      cli.say(options.rotate ? await rotate(cli, home.token) : ensureToken(home.token));
    });
}

/** A runtime that runs does it itself, so that it ends what the old one opened. */
async function rotate(cli: Cli, path: string): Promise<string> {
  const running = await cli.runtime.connect({ start: false });
  if (running === undefined) return rotateToken(path);
  running.destroy();
  const { token } = (await cli.connection({ start: false }).request('yardmaster/rotate_token', {})) as {
    token: string;
  };
  return token;
}
