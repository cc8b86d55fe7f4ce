import { closeSync, openSync } from 'node:fs';
import type { DaemonOptions, HttpState, Runtime, YardMethod } from './assembly.ts';
import { LOCK_HELD, makeHome } from './home.ts';
import { HttpDoor } from './http-door.ts';
import { mostOf } from './resources/audience.ts';
import { fileLocks } from './runtime/io/locks.ts';
import { refuse } from './runtime/model/refusal.ts';
import type { Caller, StopOrder, Stopping, Yard } from './runtime/yard.ts';
import { identify } from './server/identify.ts';
import type { Log } from './server/log.ts';
import type { McpHost } from './server/mcp.ts';
import type { Listings, McpBackend } from './server/offer.ts';
import type { Hello, Method, SessionHost } from './server/session.ts';
import { listen, type SocketServer } from './server/socket.ts';
import { isNewer, version } from './version.ts';

/*
 * What `serve` and `mcp --embedded` do.
 * 1. The lock comes first and goes last: between the two, everything in the home is ours.
 * 2. The socket is bound before the runtime has recovered; calls wait for that, the handshake does not.
 * 3. HTTP follows when the configuration is read; that it can't listen is said, and ends nothing.
 * 4. Stopping twice is stopping once. Afterwards nothing of ours keeps the process alive.
 * 5. A person's stop waits for runs at work, and answers calls meanwhile; asked twice, or for a newer version, it does not.
 */

/** How long open calls may still answer when the daemon stops; after that their bridges ask the next runtime. */
const EXIT_MS = 1_000;
const GRACE_MS = 2_000;
/** After a failed start: long enough for those who wait to hear why. */
const FAILED_MS = 1_000;
const AWAKE_MS = 60_000;
/** The longest that somebody who waits for the end hears nothing. */
const NEWS_MS = 20_000;

/** The home's runtime in this process; undefined when another process has it. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon | undefined> {
  makeHome(options.home);
  const lock = await fileLocks({ version }).acquire(options.home.lock); // invariant 1
  if (lock === undefined) return undefined;
  try {
    const daemon = new Daemon(options, await options.parts.log(), lock);
    await daemon.open();
    return daemon;
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** In the foreground, until a signal or a request stops it. Returns the exit code. */
export async function serve(options: DaemonOptions, listening?: (http: HttpState) => void): Promise<number> {
  const daemon = await startDaemon(options);
  if (daemon === undefined) {
    process.stderr.write(
      `Another runtime owns ${options.home.dir}; its pid is in ${options.home.lock}. To look at it: yardmaster status; to end it: yardmaster stop.\n`,
    );
    return LOCK_HELD;
  }
  void daemon.http.then(listening);
  return daemon.stopped;
}

export class Daemon {
  /** Settles with the exit code when everything has ended. */
  readonly stopped: Promise<number>;
  readonly #options: DaemonOptions;
  readonly #log: Log;
  readonly #lock: { release(): Promise<void> };
  readonly #listings: () => Promise<Listings>;
  readonly #mcp: () => Promise<McpHost>;
  readonly #door: HttpDoor;
  readonly #methods: () => Promise<Readonly<Record<string, YardMethod>>>;
  #settle: (code: number) => void = () => {};
  #server: SocketServer | undefined;
  #runtime: Promise<Runtime> | undefined;
  #state: 'recovering' | 'ready' | 'failed' | 'stopping' = 'recovering';
  #code = 0;
  #stopping: Promise<void> | undefined;
  #windDown: Runtime['windDown'];
  #finishing: Promise<void> | undefined;
  #unwatch: (() => void) | undefined;
  readonly #terminal = hasTerminal();
  readonly #onSignal = (signal: NodeJS.Signals): void => {
    if (signal === 'SIGHUP' && hasTerminal() === this.#terminal) return void this.#reload(); // else the terminal is gone
    if (this.#stopping !== undefined) process.exit(130); // asked again: whatever is open survives a kill
    this.#log.info({ signal }, 'stopping');
    void this.finish({ now: this.#finishing !== undefined });
  };

  constructor(options: DaemonOptions, log: Log, lock: { release(): Promise<void> }) {
    this.#options = options;
    this.#log = log;
    this.#lock = lock;
    this.#listings = once(() => this.#loadListings());
    this.#mcp = once(() => this.#loadMcp());
    this.#door = this.#makeDoor();
    this.#methods = once(() => options.parts.methods());
    this.stopped = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  /** Settles when HTTP is served or can't be. */
  get http(): Promise<HttpState> {
    return this.#door.settled;
  }

  async open(): Promise<void> {
    const { home, env, parts, set } = this.#options;
    this.#server = await listen(home, this.#host()); // invariant 2
    for (const signal of SIGNALS) process.on(signal, this.#onSignal);
    this.#log.info({ home: home.dir, version }, 'listening');
    this.#runtime = Promise.resolve().then(() => parts.start({ home, env, log: this.#log, ...(set && { set }) }));
    this.#recover(this.#runtime).catch((error) => this.#failed(error));
  }

  /** As a person wants it: runs at work may end first. Called again, it changes what is still to come. */
  finish(order: StopOrder): Promise<void> {
    const waits = this.#stopping === undefined && !this.#options.embedded; // a client's own process ends with it
    if (!waits || this.#windDown === undefined) return this.stop();
    this.#state = 'stopping';
    const over = this.#windDown.begin(order);
    this.#finishing ??= this.#finish(this.#windDown, over);
    return this.#finishing;
  }

  /** At once. `to`: the newer version for which room is made. */
  stop(to?: string): Promise<void> {
    this.#stopping ??= this.#stop(to); // invariant 4
    return this.#stopping;
  }

  async #recover(starting: Promise<Runtime>): Promise<void> {
    const runtime = await starting;
    void this.#door.open(runtime.http); // invariant 3
    await runtime.ready;
    if (this.#state === 'recovering') this.#state = 'ready';
    if (this.#state === 'stopping') return;
    this.#windDown = runtime.windDown;
    const audiences = () => [this.#server, this.#door].filter((one) => one !== undefined);
    this.#unwatch = runtime.watch?.(
      (...what) => {
        for (const audience of audiences()) audience.changed(...what);
      },
      () => mostOf(audiences().map(({ listening }) => listening)),
    );
  }

  async #reload(): Promise<void> {
    this.#log.info({}, 'the configuration is read again');
    try {
      await (await this.#runtime)?.reload?.();
    } catch (error) {
      this.#log.error({ error: String(error) }, 'reading the configuration failed');
    }
  }

  #failed(error: unknown): void {
    if (this.#state === 'stopping') return;
    this.#state = 'failed';
    this.#code = 1;
    this.#log.error({ error: error instanceof Error ? error.stack : String(error) }, 'the runtime could not start');
    setTimeout(() => void this.stop(), FAILED_MS);
  }

  /** 5 */
  async #finish(windDown: NonNullable<Runtime['windDown']>, over: Promise<unknown>): Promise<void> {
    await this.#attempt('waiting for runs', async () => {
      await Promise.all([over, this.#tellOf(windDown)]);
    });
    return this.stop();
  }

  async #tellOf(windDown: NonNullable<Runtime['windDown']>): Promise<void> {
    for (let state = windDown.state; state !== undefined; state = windDown.state) {
      this.#options.stopping?.(state);
      if (state.over) return;
      await windDown.news(state.runs.length, NEWS_MS);
    }
  }

  async #stop(to: string | undefined): Promise<void> {
    this.#state = 'stopping';
    const awake = setInterval(() => {}, AWAKE_MS); // no clock of the runtime keeps the process until all is put away
    void this.#windDown?.begin({ now: true }); // 5
    this.#unwatch?.();
    await Promise.all([
      this.#attempt('closing the socket', () => this.#server?.close(GRACE_MS, to)),
      this.#attempt('closing HTTP', () => this.#door.close(GRACE_MS)),
    ]);
    await this.#attempt('stopping the runtime', async () => (await this.#runtime?.catch(() => undefined))?.stop());
    for (const signal of SIGNALS) process.off(signal, this.#onSignal);
    this.#log.info({}, 'stopped');
    await this.#lock.release();
    clearInterval(awake);
    this.#settle(this.#code);
    // What could not be stopped would keep the process for ever; what runs is taken up by the next one.
    if (this.#code !== 0 && !this.#options.embedded) setTimeout(() => process.exit(this.#code), EXIT_MS).unref();
  }

  /** One part that does not stop must not keep the others, and the lock, for ever. */
  async #attempt(what: string, run: () => Promise<void> | undefined): Promise<void> {
    try {
      await run();
    } catch (error) {
      this.#code = 1;
      this.#log.error({ error: String(error) }, `${what} failed`);
    }
  }

  async #yard(): Promise<Yard> {
    const runtime = await this.#runtimeOrWhyNot();
    return runtime.yard;
  }

  async #runtimeOrWhyNot(): Promise<Runtime> {
    try {
      const runtime = await this.#runtime;
      await runtime?.ready;
      if (runtime !== undefined) return runtime;
    } catch (error) {
      throw new Error(`the runtime could not start: ${(error as Error).message}. See ${this.#options.home.log}`);
    }
    throw new Error('the runtime has not begun to start');
  }

  #host(): SessionHost {
    return {
      identify: (hello) => identify(hello, () => this.#runtimeOrWhyNot()),
      greeted: (hello, caller) => this.#greeted(hello, caller),
      method: (name) => this.#method(name),
      mcp: this.#mcp,
      log: this.#log,
    };
  }

  async #loadMcp(): Promise<McpHost> {
    const [{ mcpHost }, listings] = await Promise.all([import('./server/mcp.ts'), this.#listings()]);
    return mcpHost(listings, this.#backend());
  }

  async #loadListings(): Promise<Listings> {
    const [{ listingsOf }, surfaces] = await Promise.all([import('./server/offer.ts'), this.#options.parts.surface()]);
    return listingsOf({ default: { ...surfaces.default, version }, worker: { ...surfaces.worker, version } });
  }

  #backend(): McpBackend {
    return { yard: () => this.#yard(), log: this.#log };
  }

  #makeDoor(): HttpDoor {
    const { home, parts } = this.#options;
    const backend = this.#backend();
    return new HttpDoor({
      home,
      log: this.#log,
      backend,
      state: () => this.#state,
      listings: this.#listings,
      attempts: () => this.#runtimeOrWhyNot(),
      web: once(async () => parts.web?.(backend)),
    });
  }

  #greeted(hello: Hello, caller: Caller): void {
    if (this.#options.embedded || caller.principal !== 'owner') return;
    if (hello.version === undefined || !isNewer(hello.version, version)) return;
    this.#log.info({ to: hello.version }, 'making room for a newer version');
    void this.stop(hello.version);
  }

  async #method(name: string): Promise<Method | undefined> {
    if (name === 'yardmaster/status') return async () => this.#status();
    if (name === 'yardmaster/rotate_token') return async () => ({ token: this.#door.rotate() });
    if (name === 'yardmaster/shutdown')
      return async ({ now, kill }) => this.#shutdown({ now: now === true, ...(kill === true && { kill }) });
    if (name === 'yardmaster/stopping') return async ({ seen }) => this.#stoppingSince(Number(seen));
    const methods = await this.#methods();
    const method = Object.hasOwn(methods, name) ? methods[name] : undefined;
    return method && (async (params, ctx) => method(await this.#yard(), params, ctx));
  }

  #status(): Record<string, unknown> {
    return {
      state: this.#state,
      pid: process.pid,
      version,
      home: this.#options.home.dir,
      connections: this.#server?.connections ?? 0,
      http: this.#door.state,
      embedded: this.#options.embedded === true,
      ...this.#windingDown(),
    };
  }

  #windingDown(): { winding_down?: Stopping } {
    const state = this.#windDown?.state;
    return state === undefined ? {} : { winding_down: state };
  }

  /** For somebody who has seen so many runs at work: when there are fewer, or none is waited for any more. */
  async #stoppingSince(seen: number): Promise<unknown> {
    await this.#windDown?.news(seen, NEWS_MS);
    return { pid: process.pid, ...this.#windingDown() };
  }

  #shutdown(order: StopOrder): unknown {
    if (this.#options.embedded) {
      return refuse('not_possible', 'This runtime is part of an MCP client’s process.', 'It ends with that client.');
    }
    if (this.#stopping === undefined) void this.#windDown?.begin(order); // what is at work is part of the answer
    setImmediate(() => void this.finish(order));
    return { stopping: true, pid: process.pid, ...this.#windingDown() };
  }
}

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** Whether this process has a controlling terminal: one that was closed is no longer one. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r+'));
    return true;
  } catch {
    return false;
  }
}

/** Made at the first call. A failure is not kept. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make().catch((error) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}
