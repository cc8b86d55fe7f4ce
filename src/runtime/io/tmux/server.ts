import { isRefusal, type Refusal, refuse } from '../../model/refusal.ts';
import type { PaneView, Sweep, TmuxNews } from '../../terminals.ts';
import { channel } from './acts.ts';
import { type Answer, type Ask, type ClientOptions, TmuxClient } from './client.ts';
import { armed, disarmed, SHOW } from './closed-hook.ts';
import { removeUnread } from './launcher.ts';
import { PaneNews } from './news.ts';
import { paneTable } from './panes.ts';
import { Presence } from './presence.ts';
import { list } from './quote.ts';
import { Reaping } from './reaping.ts';
import { unanswered } from './refusals.ts';
import { Waiter } from './waiter.ts';

/**
 * The server, its absence, and what is heard from it.
 *
 * S1. Looks come one after the other, and whoever asks for one gets one that began after he asked: news are never told
 *     twice, and never from an older look.
 * S2. Hints only make somebody look; no look is repeated for its own sake.
 * S3. A server that says nothing is asked by one at a time, with growing pauses, until it answers or is gone.
 */
export interface ServerOptions extends ClientOptions {
  readonly mark: string;
  readonly spill: string;
}

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 5_000;

export class TmuxServer {
  readonly #options: ServerOptions;
  readonly #client: TmuxClient;
  readonly #channel: string;
  readonly #table = paneTable();
  readonly #listeners = new Set<(news: TmuxNews) => void>();
  readonly #news = new PaneNews((news) => this.#tell(news));
  readonly #presence = new Presence({
    connected: (server) => this.#connected(server),
    lost: (gone, reason) => this.#lost(gone, reason),
  });
  readonly #reaping = new Reaping();
  readonly #waiter = new Waiter(() => this.hint());
  #last: Promise<unknown> = Promise.resolve();
  #hooks: Promise<void> = Promise.resolve();
  #next: Promise<Sweep | Refusal> | undefined;
  #trying = false;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#client = new TmuxClient(options);
    this.#channel = channel(options.mark);
  }

  // S1
  sweep(): Promise<Sweep | Refusal> {
    if (this.#next !== undefined) return this.#next;
    const look = this.#last.then(() => {
      this.#next = undefined;
      return this.#look();
    });
    this.#next = look;
    this.#last = look.catch(() => {});
    return look;
  }

  /** Something may have changed. */
  hint(): void {
    if (!this.#closed) this.#again(0);
  }

  async ask(command: readonly string[], ask: Ask): Promise<Answer> {
    if (this.#closed) return closing();
    if (!this.#presence.isAway) return this.#ask(command, ask);
    if (this.#trying) return { kind: 'refused', refusal: unanswered('it has not answered for a while') };
    this.#trying = true; // S3
    try {
      return await this.#ask(command, ask);
    } finally {
      this.#trying = false;
    }
  }

  /** A line of commands: by standard input, since a process list shows arguments to everybody. */
  run(commands: string, { start } = { start: false }): Promise<Answer> {
    return this.ask(...script(commands, start));
  }

  subscribe(listener: (news: TmuxNews) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#listeners.clear();
    await this.#last;
    await this.#waiter.close();
    this.#reaping.stop();
    if (this.#presence.server !== undefined && !this.#presence.isAway) this.#hook(disarmed);
    await this.#hooks;
  }

  async #ask(command: readonly string[], ask: Ask): Promise<Answer> {
    const answer = await this.#client.ask(command, { ...ask, start: false });
    if (answer.kind === 'unanswered') {
      this.#presence.silent(answer.reason);
      this.#client.turnAway(answer.reason);
    }
    if (answer.kind !== 'no_server') return answer;
    await this.#presence.absent();
    const refusal = await this.#presence.unreachable();
    if (refusal !== undefined) return { kind: 'refused', refusal };
    return ask.start ? this.#client.ask(command, ask) : answer;
  }

  async #look(): Promise<Sweep | Refusal> {
    const answer = await this.ask(this.#table.command, { start: false });
    if (answer.kind === 'no_server') return { server: undefined, panes: [] };
    if (answer.kind === 'refused') return answer.refusal;
    if (answer.kind === 'unanswered') return unanswered(answer.reason);
    const look = this.#table.read(answer.out);
    if (look === undefined) return unanswered(answer.complaint || 'it said nothing that can be read');
    await this.#presence.answered(look.server);
    const tmux = await this.#client.command();
    const { server } = this.#presence;
    if (!isRefusal(tmux) && server !== undefined) this.#waiter.wait(tmux, this.#channel, server);
    const ours = look.panes.filter((pane) => pane.home === this.#options.mark);
    this.#collect(look.server.pid, ours);
    this.#news.see(ours);
    return { server, panes: look.panes };
  }

  #collect(server: number, ours: readonly PaneView[]): void {
    if (this.#closed || ours.length === 0) this.#reaping.stop();
    else this.#reaping.watch(server);
    if (ours.some((pane) => pane.life.kind === 'hung_up')) this.#reaping.collect();
  }

  #connected(server: string): void {
    void removeUnread(this.#options.spill, Date.now());
    if (!this.#closed) {
      this.#hook(armed);
      this.#freeChannel();
    }
    this.#tell({ kind: 'connected', server });
  }

  /**
   * tmux may still count the waiter of a runtime that was killed, and would spend the next signal on it. One of our own
   * frees the channel of it, and the look that follows finds what was signalled before.
   */
  #freeChannel(): void {
    this.#hooks = this.#hooks.then(async () => {
      await this.#client.ask(['wait-for', '-S', this.#channel], { start: false });
      this.hint();
    });
  }

  #lost(gone: boolean, reason: string): void {
    this.#reaping.stop();
    this.#tell({ kind: 'lost', gone, reason });
    if (gone) this.#news.forget();
    else this.#again(FIRST_PAUSE_MS);
  }

  // S3
  #again(pause: number): void {
    clearTimeout(this.#retry);
    if (this.#closed) return;
    this.#retry = setTimeout(async () => {
      const found = await this.sweep().catch(() => undefined);
      const isLost = found === undefined || (isRefusal(found) && found.code === 'unavailable');
      if (isLost) this.#again(Math.min(Math.max(pause * 2, FIRST_PAUSE_MS), LONGEST_PAUSE_MS));
    }, pause).unref();
  }

  /** One change after the other: what is removed at the end stays removed. */
  #hook(change: (shown: string, channel: string) => string[]): void {
    this.#hooks = this.#hooks.then(async () => {
      const shown = await this.#client.ask(SHOW, { start: false });
      const commands = shown.kind === 'answered' ? change(shown.out, this.#channel) : [];
      if (commands.length > 0) await this.#client.ask(...script(list(commands), false));
    });
  }

  #tell(news: TmuxNews): void {
    for (const listener of this.#listeners) listener(news);
  }
}

function script(commands: string, start: boolean): [string[], Ask] {
  return [['source-file', '-'], { start, input: `${commands}\n` }];
}

function closing(): Answer {
  const refusal = refuse('unavailable', 'the runtime is stopping', 'ask again when it has started');
  return { kind: 'refused', refusal };
}
