import type { Home } from './home.ts';
import type { Changed, Listening } from './resources/audience.ts';
import type { Config } from './runtime/model/config.ts';
import type { WindDown } from './runtime/wind-down.ts';
import type { Stopping, Yard } from './runtime/yard.ts';
import type { WebRoutes } from './server/http/routes.ts';
import type { KnownAttempts } from './server/identify.ts';
import type { Log } from './server/log.ts';
import type { Surface } from './server/offer.ts';
import type { MethodContext } from './server/session.ts';
import type { Toolset } from './toolset.ts';

/* What a daemon is made of, and what it needs of each part. */

export interface Runtime extends KnownAttempts {
  readonly yard: Yard;
  /** Recovery is done: what the yard says is true. */
  readonly ready: Promise<void>;
  /** Absent: nothing listens for HTTP. */
  readonly http?: Config['http'];
  /** Tells what changes, as far as anybody listens. */
  watch?(changed: Changed, listening?: () => Listening): () => void;
  /** Reads the configuration again. */
  reload?(): Promise<unknown>;
  /** What comes before `stop`, when nobody is in a hurry. */
  readonly windDown?: Pick<WindDown, 'begin' | 'state' | 'news'>;
  stop(): Promise<void>;
}

export interface RuntimeOptions {
  readonly home: Home;
  readonly env: NodeJS.ProcessEnv;
  readonly log: Log;
  readonly set?: readonly string[];
}

export type YardMethod = (
  yard: Yard,
  params: Readonly<Record<string, unknown>>,
  ctx: MethodContext,
) => Promise<unknown>;

export interface WebGround {
  /** Settles when the runtime has recovered; rejects when it could not start. */
  yard(): Promise<Yard>;
  readonly log: Log;
}

/** Where HTTP is served, or why it is not. */
export type HttpState =
  | { readonly state: 'on'; readonly url: string }
  | { readonly state: 'off'; readonly reason?: string; readonly hint?: string };

/** What a daemon is made of; each part is loaded when it is needed. */
export interface Parts {
  log(): Promise<Log>;
  start(options: RuntimeOptions): Promise<Runtime>;
  surface(): Promise<Readonly<Record<Toolset, Omit<Surface, 'version'>>>>;
  /** What is served over HTTP beside MCP. */
  web?(ground: WebGround): Promise<WebRoutes>;
  /** `yardmaster/…` requests for the owner, beside those of the daemon itself. */
  methods(): Promise<Readonly<Record<string, YardMethod>>>;
}

/** Who looks on while the runtime runs in the foreground. */
export interface Foreground {
  /** It can be reached. */
  listening(http?: HttpState): void;
  /** It is being stopped: what it waits for has changed, or it waits no more. */
  stopping(state: Stopping): void;
  /** Values of the configuration: `section.key=value`. */
  readonly set?: readonly string[];
}

export interface DaemonOptions {
  readonly home: Home;
  readonly env: NodeJS.ProcessEnv;
  readonly parts: Parts;
  /** Part of a client's own process: it ends with that client and makes room for nobody. */
  readonly embedded?: boolean;
  /** Hears, while the daemon stops, what it waits for and what it leaves. */
  readonly stopping?: (state: Stopping) => void;
  /** Values of the configuration that the command line sets: `section.key=value`. */
  readonly set?: readonly string[];
}
