import type { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { Conversation } from './bridge/conversation.ts';
import { type News, newsIn } from './bridge/news.ts';
import { type Patience, type Program, pause, reach, tryConnect } from './bridge/reach.ts';
import type { Home } from './home.ts';
import { errorLine, HELLO, INVALID_REQUEST } from './jsonrpc.ts';
import { idInEnds, LINE_LIMIT, Lines } from './lines.ts';
import type { Toolset } from './toolset.ts';
import { isNewer, version } from './version.ts';

/*
 * stdio ⇄ runtime. The client may never notice that runtimes come and go:
 * 1. Whole lines only: what a dead runtime or client left unfinished is dropped.
 * 2. Nothing the client asked is lost: while no runtime is there its requests wait in the conversation.
 * 3. One bridge is one caller for its whole life: each hello carries the same name.
 * 4. What changed between two runtimes is told: a later hello says that there was one before, and what the client's
 *    lists are as that one announced them.
 */

export interface BridgeOptions {
  readonly home: Home;
  readonly program: Program;
  readonly input: Readable;
  readonly output: Writable;
  readonly patience?: Patience;
  /** What its client is offered, where that is not the usual. */
  readonly toolset?: Toolset;
  /** Ends it from outside. */
  readonly signal?: AbortSignal;
  /** How long answers may still come after the client has said its last word. */
  readonly lastWordsMs?: number;
}

/** Carries one client's conversation until its input ends. */
export async function runBridge(options: BridgeOptions): Promise<void> {
  await new Bridge(options).run();
}

class Bridge {
  readonly #options: BridgeOptions;
  readonly #talk = new Conversation();
  readonly #name = `${process.pid.toString(36)}-${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
  readonly #ending = new AbortController();
  #socket: Socket | undefined;
  #inputEnded = false;
  #wake: (() => void) | undefined;
  #news: Exclude<News, { kind: 'lists' }> | undefined;
  /** A runtime has had this client before; what it announced of its lists. */
  #carried = false;
  #lists: unknown;
  /** Connections in a row that brought no answer. */
  #fruitless = 0;

  constructor(options: BridgeOptions) {
    this.#options = options;
  }

  async run(): Promise<void> {
    this.#readInput();
    const { output, signal } = this.#options;
    output.on('error', () => this.#end()); // the client is gone
    signal?.addEventListener('abort', () => this.#end());
    if (signal?.aborted) this.#end();
    while (!this.#ending.signal.aborted) {
      const socket = await this.#reach();
      if (typeof socket === 'string') await this.#unreachable(socket);
      else await this.#carry(socket);
      this.#endWhenDone();
      await this.#beforeNext();
    }
  }

  async #reach(): Promise<Socket | string> {
    const { home, program, patience } = this.#options;
    try {
      return await reach(home, program, this.#ending.signal, patience);
    } catch (error) {
      return `The runtime of ${home.dir} cannot be reached: ${(error as Error).message}`;
    }
  }

  /** Carries lines both ways until the connection ends. */
  #carry(socket: Socket): Promise<void> {
    this.#fruitless++;
    this.#greet(socket);
    this.#socket = socket;
    if (this.#inputEnded) this.#giveLastWords();
    return new Promise((resolve) => {
      const framed = new Lines({ line: (line) => this.#fromRuntime(line), overlong() {} }, Number.POSITIVE_INFINITY);
      socket.on('data', (chunk) => framed.push(chunk));
      socket.on('error', () => socket.destroy());
      socket.on('end', () => socket.destroy());
      socket.once('close', () => {
        this.#socket = undefined;
        this.#options.input.resume();
        resolve();
      });
    });
  }

  /** Who calls, and all that another runtime left unanswered. */
  #greet(socket: Socket): void {
    const { env } = this.#options.program;
    const params = {
      bridge: this.#name,
      version,
      token: env.YARDMASTER_ATTEMPT_TOKEN || undefined,
      claude_session: env.CLAUDE_CODE_SESSION_ID || undefined,
      toolset: this.#options.toolset,
      resumes: this.#carried ? { lists: this.#lists } : undefined, // invariant 4
    };
    this.#carried = true;
    const { lines, answers } = this.#talk.takeUp();
    for (const line of answers) this.#toClient(line);
    socket.cork();
    this.#toRuntime(socket, JSON.stringify({ jsonrpc: '2.0', method: HELLO, params }));
    for (const line of lines) this.#toRuntime(socket, line);
    socket.uncork();
  }

  async #beforeNext(): Promise<void> {
    const news = this.#news;
    this.#news = undefined;
    switch (news?.kind) {
      case 'refused':
        return this.#unreachable(news.reason);
      case 'making_room': // the newer version starts its own first
        return isNewer(news.version, version) ? pause(1_000, this.#ending.signal) : undefined;
      case 'stopped':
        return this.#untilAskedOrBack();
      case undefined:
        if (this.#fruitless > 2) await pause(Math.min(20 * 2 ** this.#fruitless, 1_000), this.#ending.signal);
    }
  }

  /**
   * After a stop on purpose: the next request starts a runtime again, or somebody else does before. A worker asks all the
   * time, so that nobody could ever stop it: it waits for somebody else.
   */
  async #untilAskedOrBack(): Promise<void> {
    const waits = this.#options.toolset === 'worker';
    while ((waits || this.#talk.waiting === 0) && !this.#ending.signal.aborted) {
      await this.#woken(1_000);
      const back = await tryConnect(this.#options.home).catch(() => undefined);
      back?.destroy();
      if (back !== undefined) return;
    }
  }

  #fromRuntime(line: string): void {
    const news = newsIn(line);
    if (news?.kind === 'lists') this.#lists = news.lists;
    else this.#news = news ?? this.#news;
    const answer = this.#talk.fromRuntime(line);
    if (answer === undefined) return;
    this.#fruitless = 0;
    this.#toClient(answer);
    this.#endWhenDone();
  }

  /** What waits is answered with the reason; the next request tries again. */
  async #unreachable(reason: string): Promise<void> {
    for (const line of this.#talk.giveUp(`Yardmaster: ${reason}`)) this.#toClient(line);
    this.#endWhenDone();
    await this.#woken();
  }

  /** Until the client says something or the bridge ends. */
  #woken(withinMs?: number): Promise<void> {
    if (this.#ending.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = withinMs === undefined ? undefined : setTimeout(() => this.#wake?.(), withinMs);
      this.#wake = () => {
        this.#wake = undefined;
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #readInput(): void {
    const { input } = this.#options;
    const framed = new Lines({
      line: (line) => this.#fromClient(line),
      overlong: (ends) => this.#refuseOverlong(ends),
    });
    const ended = (): void => {
      if (this.#inputEnded) return;
      framed.end();
      this.#inputEnded = true;
      if (this.#socket !== undefined) this.#giveLastWords();
      this.#endWhenDone();
    };
    input.on('data', (chunk: Buffer) => framed.push(chunk));
    for (const event of ['end', 'error', 'close']) input.on(event, ended);
  }

  #fromClient(line: string): void {
    const forward = this.#talk.fromClient(line);
    if (forward && this.#socket !== undefined) this.#toRuntime(this.#socket, line);
    this.#wake?.();
  }

  #refuseOverlong(ends: string): void {
    const message = `The message is longer than ${LINE_LIMIT} characters. Put large text into a file and name it.`;
    this.#toClient(errorLine(idInEnds(ends) ?? null, INVALID_REQUEST, message));
  }

  #toRuntime(socket: Socket, line: string): void {
    const { input } = this.#options;
    if (socket.destroyed || socket.write(`${line}\n`) || input.isPaused()) return;
    input.pause();
    socket.once('drain', () => input.resume());
  }

  #toClient(line: string): void {
    const { output } = this.#options;
    const socket = this.#socket;
    if (output.write(`${line}\n`) || socket === undefined || socket.isPaused()) return;
    socket.pause();
    output.once('drain', () => socket.resume());
  }

  #giveLastWords(): void {
    setTimeout(() => this.#end(), this.#options.lastWordsMs ?? 1_000).unref();
  }

  #endWhenDone(): void {
    if (this.#inputEnded && this.#talk.waiting === 0) this.#end();
  }

  #end(): void {
    this.#ending.abort();
    this.#wake?.();
    this.#socket?.destroySoon();
    this.#options.input.destroy(); // else it would keep the process
  }
}
