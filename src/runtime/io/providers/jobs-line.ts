import { Pool } from 'undici';
import type { JobsProvider as JobsConfig } from '../../model/provider.ts';
import type { JobLook } from '../../ports.ts';
import { complaint, jsonIn } from './answers.ts';
import { retryAfter, shapeOf } from './classify.ts';
import { type Exchange, exchange, type Request } from './exchange.ts';
import { readKey } from './key.ts';

export interface JobsOptions {
  /** Where the API key's variable is looked up. */
  readonly env?: NodeJS.ProcessEnv;
  readonly max_bytes?: number;
}

const MAX_BYTES = 8 * 1024 * 1024;

type End = Exchange | { readonly kind: 'no_key'; readonly reason: string };
/** `key`: what has to be kept out of everything that is said of it. */
interface Asked {
  readonly end: End;
  readonly key: string | undefined;
}

/** The requests to one service, each with its key and its bounds. */
export class JobsLine {
  readonly #config: JobsConfig;
  readonly #options: JobsOptions;
  readonly #prefix: string;
  readonly #pool: Pool;
  /**
   * A job is never submitted over a connection that was idle before: the service may be closing it at that moment,
   * and nobody could tell whether the job was taken.
   */
  readonly #fresh: Pool;

  constructor(config: JobsConfig, base: URL, options: JobsOptions) {
    this.#config = config;
    this.#options = options;
    this.#prefix = base.pathname.replace(/\/+$/, '');
    this.#pool = new Pool(base.origin, { connect: { timeout: config.timeout } });
    this.#fresh = new Pool(base.origin, { connect: { timeout: config.timeout }, pipelining: 0 });
  }

  submit(path: string, headers: Request['headers'], body: string, signal: AbortSignal): Promise<Asked> {
    return this.#ask(this.#fresh, { method: 'POST', path, headers, body }, signal);
  }

  get(template: string, names: Names, signal: AbortSignal): Promise<Asked> {
    return this.#ask(this.#pool, { method: 'GET', path: fill(template, names), headers: {} }, signal);
  }

  post(template: string, names: Names, signal: AbortSignal): Promise<Asked> {
    return this.#ask(this.#pool, { method: 'POST', path: fill(template, names), headers: {} }, signal);
  }

  async close(): Promise<void> {
    await Promise.all([this.#pool.destroy(), this.#fresh.destroy()]);
  }

  async #ask(pool: Pool, request: Request, signal: AbortSignal): Promise<Asked> {
    const source = await readKey(this.#config, this.#options.env ?? process.env);
    if (!source.found) return { end: { kind: 'no_key', reason: source.reason }, key: undefined };
    const { key } = source;
    const plain = { accept: 'application/json', 'accept-encoding': 'identity' };
    const headers = { ...plain, ...request.headers, ...(key && { authorization: `Bearer ${key}` }) };
    const limits = { timeout_ms: this.#config.timeout, max_bytes: this.#options.max_bytes ?? MAX_BYTES };
    const end = await exchange(pool, { ...request, path: this.#prefix + request.path, headers }, limits, signal);
    return { end, key };
  }
}

type Names = Readonly<Record<string, string>>;

function fill(template: string, names: Names): string {
  return template.replace(/\{(\w+)\}/g, (place, name: string) =>
    names[name] === undefined ? place : encodeURIComponent(names[name]),
  );
}

export interface Heard {
  readonly json: unknown;
  readonly key: string | undefined;
}

/** Of a question that changes nothing: it can be asked again, so whatever is not a good answer means "later". */
export function understand({ end, key }: Asked): (Heard & { kind: 'heard' }) | (JobLook & { kind: 'later' }) {
  if (end.kind !== 'answer') return { kind: 'later', reason: trouble({ end, key }) };
  if (end.status < 200 || end.status >= 300)
    return { kind: 'later', reason: trouble({ end, key }), ...(end.status >= 400 && retryAfter(end)) };
  const json = jsonIn(end.body);
  if (json !== undefined) return { kind: 'heard', json, key };
  return { kind: 'later', reason: `HTTP ${end.status} with something that is not JSON${shapeOf(end)}` };
}

export function statusOf({ end }: Asked): number | undefined {
  return end.kind === 'answer' ? end.status : undefined;
}

export function trouble({ end, key }: Asked): string {
  switch (end.kind) {
    case 'answer':
      if (end.status >= 300 && end.status < 400) return `HTTP ${end.status}: redirects are not followed, mend base_url`;
      return `HTTP ${end.status} ${complaint(end.body, key)}`.trim();
    case 'too_large':
      return `HTTP ${end.status} with more than ${end.max_bytes} bytes`;
    case 'broken':
    case 'no_key':
      return end.reason;
  }
}
