import { channel, ownSession } from './acts.ts';
import type { Lost, Reply } from './control-client.ts';
import { ControlClient } from './control-client.ts';
import { type Environment, socketArguments, type TmuxSocket, tmuxEnvironment } from './program.ts';
import { list, words } from './quote.ts';

/**
 * Two clients of one server: one carries commands, one waits for deaths.
 *
 * N1. Both are attached to a small session of our own, which tmux removes with its last client: nothing of it is left,
 *     however we end, and no session of a person gets a client that is no person. No output of panes is sent to them, so a
 *     reader that stops costs the server nothing.
 * N2. A server is started only when asked to, by a process without our secrets and in a session of its own.
 */
export interface ConnectionOptions {
  readonly program: string;
  readonly socket: TmuxSocket | undefined;
  readonly env: Environment;
  readonly mark: string;
  readonly silenceMs: number;
  /** Something may have changed. */
  readonly hint: () => void;
}

export interface Server {
  readonly pid: number;
  /** Names this life of it. */
  readonly id: string;
}

export type Connected =
  | { readonly kind: 'connected'; readonly connection: Connection }
  | { readonly kind: 'no_server' }
  | { readonly kind: 'failed'; readonly reason: string };

const NO_SERVER =
  /^(?:no server running on|error connecting to .*\((?:No such file or directory|Connection refused)\))/m;
const TEXT = 'printf "%s\\n" "Through this session Yardmaster talks to tmux."; exec cat >/dev/null';
const HINTS = ['%sessions-changed', '%session-renamed', '%unlinked-window-close', '%session-changed'];

export class Connection {
  readonly server: Server;
  readonly #commands: ControlClient;
  readonly #deaths: ControlClient;

  private constructor(server: Server, commands: ControlClient, deaths: ControlClient) {
    this.server = server;
    this.#commands = commands;
    this.#deaths = deaths;
  }

  static async open(options: ConnectionOptions, start: boolean): Promise<Connected> {
    const commands = client(options, start, options.silenceMs);
    const server = serverIn(await commands.send(greeting(options.mark)));
    if ('reason' in server) {
      commands.abandon();
      return NO_SERVER.test(server.reason) ? { kind: 'no_server' } : { kind: 'failed', reason: server.reason };
    }
    const deaths = client(options, false, undefined);
    void waitForDeaths(deaths, options);
    return { kind: 'connected', connection: new Connection(server, commands, deaths) };
  }

  /** The first of both that is lost ends the connection. */
  get lost(): Promise<Lost> {
    return Promise.race([this.#commands.gone, this.#deaths.gone]);
  }

  send(commands: string): Promise<Reply> {
    return this.#commands.send(commands);
  }

  async close(): Promise<void> {
    await Promise.all([this.#commands.close(), this.#deaths.close()]);
  }

  abandon(): void {
    this.#commands.abandon();
    this.#deaths.abandon();
  }
}

function client(options: ConnectionOptions, start: boolean, silenceMs: number | undefined): ControlClient {
  const attach = ['new-session', '-A', '-s', ownSession(options.mark), '-x', '80', '-y', '24'];
  return new ControlClient({
    program: options.program,
    args: [
      ...socketArguments(options.socket),
      ...(start ? [] : ['-N']),
      ...['-C', ...attach, '-f', 'no-output,ignore-size', '--', '/bin/sh', '-c', TEXT],
    ],
    env: tmuxEnvironment(options.env),
    silenceMs,
    ...(silenceMs !== undefined && {
      notice: (line: string) => {
        if (HINTS.some((hint) => line.startsWith(hint))) options.hint();
      },
    }),
  });
}

function greeting(mark: string): string {
  const own = words([`=${ownSession(mark)}:`]);
  return list([
    `set-option -t ${own} destroy-unattached on`,
    `set-option -t ${own} status off`,
    `set-option -w -t ${own} automatic-rename off`,
    'display-message -p "ym server #{pid} #{start_time}"',
  ]);
}

function serverIn(reply: Reply): Server | { reason: string } {
  if (reply.kind === 'lost') return reply;
  const lines = reply.blocks.flatMap((block) => block.lines);
  const [, pid, start] = lines.map((line) => /^ym server (\d+) (\d+)$/.exec(line)).find(Boolean) ?? [];
  if (pid === undefined) return { reason: lines.join(' ') || 'tmux gave no answer' };
  return { pid: Number(pid), id: `${pid}.${start}` };
}

/** A signal that comes while nobody waits is kept by tmux, so none is lost between two waits. */
async function waitForDeaths(deaths: ControlClient, options: ConnectionOptions): Promise<void> {
  for (;;) {
    const reply = await deaths.send(`wait-for ${channel(options.mark)}`);
    if (reply.kind === 'lost') return;
    options.hint();
  }
}
