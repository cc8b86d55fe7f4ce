import { realpathSync } from 'node:fs';
import type { Cli, Structured } from './cli.ts';
import { EXIT, Failure, usage } from './failure.ts';
import { safeText } from './safe-text.ts';
import { shellWord } from './shell-word.ts';

interface Attach {
  readonly name: string;
  readonly command: readonly string[];
}

/** Hands the terminal to tmux. Inside tmux a client can only be switched, and only to a session of its own server. */
export async function attachTo(
  cli: Cli,
  which: Structured,
  { print, json }: { print?: boolean; json?: boolean },
): Promise<void> {
  const answer = (await cli.connection().request('yardmaster/attach', which)) as Attach;
  if (json) return cli.json(answer);
  const shown = safeText(answer.command.map(shellWord).join(' '));
  if (print) return cli.say(shown);
  if (!cli.around.ask) throw usage('attaching needs a terminal', `Run it in one: ${shown}`);
  cli.close(); // whoever looks for hours needs no connection
  const code = await cli.around.handOver(await commandHere(cli, answer, shown));
  if (code !== 0)
    throw new Failure(
      EXIT.refused,
      `tmux ended with ${code}; the session goes on`,
      'Its state: `yardmaster sessions`.',
    );
}

async function commandHere(cli: Cli, { name, command }: Attach, shown: string): Promise<readonly string[]> {
  const { TMUX } = cli.around.env;
  if (!TMUX) return command;
  const at = command.indexOf('attach-session');
  const server = at < 0 ? undefined : command.slice(0, at);
  const socket = server && (await cli.around.capture([...server, 'display-message', '-p', '#{socket_path}']))?.trim();
  if (server && socket && realPath(socket) === realPath(TMUX.split(',')[0] ?? ''))
    return [...server, 'switch-client', ...command.slice(at + 1)];
  throw new Failure(
    EXIT.refused,
    `${name} is on another tmux server than this one, and tmux does not attach inside tmux`,
    `Leave this one (prefix and d) or open another terminal, then run: ${shown}`,
  );
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
