import { plainLine } from '../../model/plain-text.ts';
import type { Refusal } from '../../model/refusal.ts';
import { isRefusal, refuse } from '../../model/refusal.ts';
import { processTable } from '../processes/proc.ts';
import { Connection, type Server } from './connection.ts';
import type { Reply } from './control-client.ts';
import { type Environment, findTmux, type TmuxSocket } from './program.ts';

/**
 * The way to the server, made when it is needed and made again when it is lost.
 *
 * L1. A failed try proves nothing. A server is `gone` when its process has ended, or another one answers in its place.
 * L2. While a server lives that can't be reached, none is started beside it: the same sessions would exist twice.
 * L3. Once a connection was there it is sought again with growing pauses until it is back, the server is gone, or we close.
 */
export interface LinkOptions {
  readonly program: string;
  readonly socket: TmuxSocket | undefined;
  readonly env: Environment;
  readonly mark: string;
  readonly silenceMs: number;
}

export interface LinkEvents {
  hint(): void;
  connected(server: string): void;
  lost(gone: boolean, reason: string): void;
}

export type Answer =
  | Extract<Reply, { kind: 'blocks' }>
  | { readonly kind: 'no_server' }
  /** Certainly not sent. */
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  /** Sent; whether it happened, nobody knows. */
  | { readonly kind: 'unanswered'; readonly reason: string };

interface KnownServer extends Server {
  /** The start time of its process, so that its pid can't pass to another. */
  readonly start: string | undefined;
}

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 5_000;

export class Link {
  readonly #options: LinkOptions;
  readonly #events: LinkEvents;
  #connection: Connection | undefined;
  #opening: Promise<Connection | 'no_server' | Refusal> | undefined;
  #known: KnownServer | undefined;
  #program: string | undefined;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: LinkOptions, events: LinkEvents) {
    this.#options = options;
    this.#events = events;
  }

  get server(): string | undefined {
    return this.#connection?.server.id;
  }

  async ask(commands: string, options: { start: boolean }): Promise<Answer> {
    const connection = await this.#reach(options.start);
    if (connection === 'no_server') return { kind: 'no_server' };
    if (isRefusal(connection)) return { kind: 'refused', refusal: connection };
    const reply = await connection.send(commands);
    return reply.kind === 'lost' ? { kind: 'unanswered', reason: reply.reason } : reply;
  }

  /** The tmux program, once it was found. */
  async program(): Promise<string | Refusal> {
    const found = this.#program ?? (await findTmux(this.#options.program, this.#options.env));
    if (typeof found === 'string') this.#program = found;
    return found;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    await this.#opening;
    await this.#connection?.close();
    this.#connection = undefined;
  }

  async #reach(start: boolean): Promise<Connection | 'no_server' | Refusal> {
    while (this.#opening !== undefined) {
      const reached = await this.#opening;
      if (reached !== 'no_server' || !start) return reached; // that one was not asked to start a server
    }
    if (this.#connection !== undefined) return this.#connection;
    this.#opening = this.#open(start).finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #open(start: boolean): Promise<Connection | 'no_server' | Refusal> {
    if (this.#closed) return refuse('unavailable', 'the runtime is stopping', 'ask again when it has started');
    const program = await this.program();
    if (isRefusal(program)) return program;
    const orphan = start ? await this.#unreachable() : undefined; // L2
    const opened = await Connection.open(
      { ...this.#options, program, hint: () => this.#events.hint() },
      start && !orphan,
    );
    if (opened.kind === 'failed') return failed(opened.reason);
    if (opened.kind === 'no_server') return (await this.#noServer()) ?? 'no_server';
    await this.#opened(opened.connection);
    return opened.connection;
  }

  async #opened(connection: Connection): Promise<void> {
    const { server } = connection;
    if (this.#known !== undefined && this.#known.id !== server.id) this.#gone('another tmux server took its place');
    this.#known = { ...server, start: (await processTable().look(server.pid))?.start };
    this.#connection = connection;
    void connection.lost.then(({ reason }) => this.#lost(connection, plainLine(reason)));
    if (this.#closed) return connection.close();
    this.#events.connected(server.id);
  }

  #lost(connection: Connection, reason: string): void {
    connection.abandon();
    if (this.#connection !== connection) return;
    this.#connection = undefined;
    if (this.#closed) return;
    this.#events.lost(false, reason);
    this.#again(FIRST_PAUSE_MS);
  }

  // L3
  #again(pause: number): void {
    clearTimeout(this.#retry);
    const retry = () => {
      if (!this.#closed) this.#again(Math.min(pause * 2, LONGEST_PAUSE_MS));
    };
    this.#retry = setTimeout(() => {
      this.#reach(false).then((reached) => isRefusal(reached) && retry(), retry);
    }, pause).unref();
  }

  // L1: nobody listens. That is the end of the server only where its process has ended too.
  async #noServer(): Promise<Refusal | undefined> {
    const living = await this.#unreachable();
    if (living !== undefined) {
      return refuse(
        'unavailable',
        `the tmux server ${living} runs, but its socket is gone: its sessions can't be reached`,
        `kill -USR1 ${living} makes it create the socket again`,
      );
    }
    if (this.#known !== undefined) this.#gone('the tmux server has ended');
    return undefined;
  }

  #gone(reason: string): void {
    this.#known = undefined;
    this.#events.lost(true, reason);
  }

  async #unreachable(): Promise<number | undefined> {
    if (this.#known === undefined) return undefined;
    const seen = await processTable().look(this.#known.pid);
    return seen !== undefined && !seen.zombie && seen.start === this.#known.start ? this.#known.pid : undefined;
  }
}

function failed(reason: string): Refusal {
  return refuse(
    'unavailable',
    `tmux can't be reached: ${plainLine(reason)}; nothing is known about the sessions`,
    'tmux list-sessions shows what the server says; it is tried again by itself',
  );
}
