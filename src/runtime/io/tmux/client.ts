import { execFile } from 'node:child_process';
import { type Refusal, refuse } from '../../model/refusal.ts';
import { type Environment, findTmux, socketArguments, type TmuxSocket, tmuxEnvironment } from './program.ts';
import { unanswered } from './refusals.ts';

/**
 * One tmux command, one short-lived process.
 *
 * C1. No control-mode client: up to 3.6 the server follows a null pointer, and dies with every session in it, when anything
 *     happens while such a client introduces itself (tmux issue 4980), or when a session goes that leaving clients still
 *     hold. A plain command costs some 3 ms and can't do that.
 * C2. A server is started only when asked to: without our secrets, our working folder or our descriptors, and by tmux's own
 *     daemon(3), which gives it a session of its own.
 * C3. Commands that carry text of others come by standard input: every user can read a process's arguments, and a server
 *     that was started by a command shows that one for ever.
 * C4. What was sent to a server that says nothing is `unanswered`. Its process is ended, so that a server which goes on
 *     later finds nobody to read the commands from.
 */
export interface ClientOptions {
  readonly program: string;
  readonly socket: TmuxSocket | undefined;
  readonly env: Environment;
  readonly silenceMs: number;
}

export type Answer =
  | { readonly kind: 'answered'; readonly out: string; readonly complaint: string }
  | { readonly kind: 'no_server' }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | { readonly kind: 'unanswered'; readonly reason: string };

export interface Ask {
  /** May this command start a server? */
  readonly start: boolean;
  readonly input?: string;
}

type Turn = 'yours' | { readonly reason: string };

const NO_SERVER =
  /^(?:no server running on|error connecting to .*\((?:No such file or directory|Connection refused)\))/m;
const BROKEN_OFF = /^(?:lost server|server exited.*)$/m;
const NO_WAY = /^(?:error connecting to|.*protocol version mismatch).*$/m;

const AT_ONCE = 6;
const MOST_OUTPUT = 64 * 1024 * 1024;

export class TmuxClient {
  readonly #options: ClientOptions;
  readonly #queue: ((turn: Turn) => void)[] = [];
  #running = 0;
  #program: string | undefined;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  /** The program's path and the arguments before each command. */
  async command(): Promise<{ program: string; args: string[]; env: Record<string, string> } | Refusal> {
    const found = this.#program ?? (await findTmux(this.#options.program, this.#options.env));
    if (typeof found !== 'string') return found;
    this.#program = found;
    return { program: found, args: socketArguments(this.#options.socket), env: tmuxEnvironment(this.#options.env) };
  }

  async ask(command: readonly string[], ask: Ask): Promise<Answer> {
    const tmux = await this.command();
    if ('refused' in tmux) return { kind: 'refused', refusal: tmux };
    const turn = await this.#turn();
    if (turn !== 'yours') return { kind: 'refused', refusal: unanswered(turn.reason) };
    try {
      const args = [...tmux.args, ...(ask.start ? ['start-server', ';'] : ['-N']), ...command];
      return await this.#run(tmux.program, args, tmux.env, ask.input);
    } finally {
      this.#running--;
      this.#queue.shift()?.('yours');
    }
  }

  /** Whoever has not had his turn need not wait for a server that says nothing. */
  turnAway(reason: string): void {
    for (const tell of this.#queue.splice(0)) tell({ reason });
  }

  #run(program: string, args: string[], env: Record<string, string>, input: string | undefined): Promise<Answer> {
    const { silenceMs } = this.#options;
    const limits = { timeout: silenceMs, killSignal: 'SIGKILL', maxBuffer: MOST_OUTPUT } as const;
    return new Promise((resolve) => {
      const child = execFile(program, args, { cwd: '/', env, encoding: 'utf8', ...limits }, (error, out, complaint) => {
        if (error?.killed) resolve({ kind: 'unanswered', reason: `tmux said nothing for ${silenceMs / 1_000} s` });
        else if (error?.signal) resolve({ kind: 'unanswered', reason: `its client was ended by ${error.signal}` });
        else if (typeof error?.code === 'string') resolve(this.#notStarted(error));
        else resolve(answerOf(out, complaint));
      });
      child.stdin?.on('error', () => {}); // its end says why
      child.stdin?.end(input);
    });
  }

  /** The program could not be executed: it may have been removed or replaced since it was found. */
  #notStarted(error: Error): Answer {
    this.#program = undefined;
    const hint = 'it is tried again by itself; tmux -V shows whether it works';
    return { kind: 'refused', refusal: refuse('unavailable', `tmux could not be started: ${error.message}`, hint) };
  }

  /** A burst of looks must not become a burst of processes. */
  async #turn(): Promise<Turn> {
    const turn = this.#running < AT_ONCE ? 'yours' : await new Promise<Turn>((resolve) => this.#queue.push(resolve));
    if (turn === 'yours') this.#running++;
    return turn;
  }
}

function answerOf(out: string, complaint: string): Answer {
  if (NO_SERVER.test(complaint)) return { kind: 'no_server' };
  const broken = BROKEN_OFF.exec(complaint)?.[0];
  if (broken !== undefined) return { kind: 'unanswered', reason: broken };
  const noWay = NO_WAY.exec(complaint)?.[0];
  if (noWay === undefined) return { kind: 'answered', out, complaint: complaint.trim() };
  const hint =
    'an upgraded tmux reaches the old server by its old program only: end that server when its sessions are done';
  return { kind: 'refused', refusal: refuse('unavailable', `tmux can't reach its server: ${noWay}`, hint) };
}
