import { type Refusal, refuse } from '../../model/refusal.ts';
import { processTable } from '../processes/proc.ts';

/**
 * Whether the server is there.
 *
 * P1. A failed look proves nothing, nor does another server at the same socket. A server is gone when its process has ended.
 * P2. While it lives and can't be reached, none is started beside it: the same sessions would exist twice.
 * P3. Each change is told once.
 */
export interface PresenceEvents {
  connected(server: string): void;
  lost(gone: boolean, reason: string): void;
}

interface Known {
  readonly id: string;
  readonly pid: number;
  /** The start time of its process: a pid alone is used again. */
  readonly start: string | undefined;
}

export class Presence {
  readonly #events: PresenceEvents;
  #known: Known | undefined;
  #reached = false;

  constructor(events: PresenceEvents) {
    this.#events = events;
  }

  get server(): string | undefined {
    return this.#known?.id;
  }

  /** A server was there, and nothing has been heard from it since. */
  get isAway(): boolean {
    return this.#known !== undefined && !this.#reached;
  }

  async answered(server: { pid: number; started: string }): Promise<void> {
    const id = `${server.pid}.${server.started}`;
    if (this.#known?.id === id && this.#reached) return;
    const start = (await processTable().look(server.pid))?.start;
    if (this.#known !== undefined && this.#known.id !== id) await this.#replaced();
    const news = !this.#reached;
    this.#known = { id, pid: server.pid, start };
    this.#reached = true;
    if (news) this.#events.connected(id);
  }

  silent(reason: string): void {
    if (!this.#reached) return;
    this.#reached = false;
    this.#events.lost(false, reason);
  }

  /** Nobody listens at the socket. */
  async absent(): Promise<void> {
    if (this.#known === undefined) return;
    if ((await this.#living()) === undefined) this.#gone('the tmux server has ended');
    else this.silent("the tmux server's socket is gone");
  }

  /** P2: why no server may be started now. */
  async unreachable(): Promise<Refusal | undefined> {
    const living = await this.#living();
    if (living === undefined) return undefined;
    return refuse(
      'unavailable',
      `the tmux server (process ${living}) runs, but its socket is gone: its sessions can't be reached`,
      `kill -USR1 ${living} makes it create the socket again`,
    );
  }

  async #replaced(): Promise<void> {
    const living = await this.#living();
    if (living === undefined) this.#gone('the tmux server has ended, another one has taken its place');
    else this.silent(`another tmux server answers in the place of process ${living}, which still runs`);
    this.#reached = false;
  }

  async #living(): Promise<number | undefined> {
    const known = this.#known;
    const seen = known && (await processTable().look(known.pid));
    return seen !== undefined && !seen.zombie && seen.start === known?.start ? known?.pid : undefined;
  }

  #gone(reason: string): void {
    if (this.#known === undefined) return;
    this.#known = undefined;
    this.#reached = false;
    this.#events.lost(true, reason);
  }
}
