import { Pool } from 'undici';
import type { JobsProvider as JobsConfig } from '../../model/provider.ts';
import { type Refusal, refuse } from '../../model/refusal.ts';
import type { JobLook, JobOrder, Provider, Submitted } from '../../ports.ts';
import { complaint, FindAnswer, parse, quote, ResultAnswer, StatusAnswer, wording } from './answers.ts';
import { isLater, judgeSubmit, retryAfter } from './classify.ts';
import { type Exchange, exchange, type Request } from './exchange.ts';
import { readKey } from './key.ts';

export interface JobsOptions {
  /** Where the API key's variable is looked up. */
  readonly env?: NodeJS.ProcessEnv;
  readonly max_bytes?: number;
  /** For services that have more than the contract: `{key}` and `{id}` are filled in. */
  readonly find_path?: string;
  readonly cancel_path?: string;
}

const JOBS = '/api/v1/jobs';
const MAX_BYTES = 8 * 1024 * 1024;

/** The HTTP job contract: POST a job, GET its status, GET its result. */
export function jobsProvider(id: string, config: JobsConfig, options: JobsOptions = {}): Provider | Refusal {
  const base = new URL(config.base_url);
  if (base.protocol !== 'http:' && base.protocol !== 'https:') {
    const hint = `set delegation.providers.${id}.base_url to an http or https address`;
    return refuse('not_configured', `provider ${id} has the address of something that is not HTTP`, hint);
  }
  return new Jobs(id, config, base, options);
}

class Jobs implements Provider {
  readonly id: string;
  readonly ai: readonly string[];
  readonly idempotent: boolean;
  readonly transient = false;
  readonly find?: (key: string, signal: AbortSignal) => Promise<string | undefined>;
  readonly cancel?: (job_id: string, signal: AbortSignal) => Promise<void>;
  readonly #config: JobsConfig;
  readonly #options: JobsOptions;
  readonly #prefix: string;
  readonly #pool: Pool;
  /**
   * A job is never submitted over a connection that was idle before: the service may be closing it at that moment,
   * and nobody could tell whether the job was taken.
   */
  readonly #fresh: Pool;

  constructor(id: string, config: JobsConfig, base: URL, options: JobsOptions) {
    this.id = id;
    this.ai = config.ai;
    this.idempotent = config.idempotent_submit;
    this.#config = config;
    this.#options = options;
    this.#prefix = base.pathname.replace(/\/+$/, '');
    this.#pool = new Pool(base.origin, { connect: { timeout: config.timeout } });
    this.#fresh = new Pool(base.origin, { connect: { timeout: config.timeout }, pipelining: 0 });
    const { find_path, cancel_path } = options;
    if (find_path !== undefined) this.find = (key, signal) => this.#find(find_path, key, signal);
    if (cancel_path !== undefined) this.cancel = (job_id, signal) => this.#cancel(cancel_path, job_id, signal);
  }

  async submit(order: JobOrder, signal: AbortSignal): Promise<Submitted> {
    const { key: idempotency, ...job } = order;
    const body = JSON.stringify(job);
    const headers = { 'content-type': 'application/json', 'idempotency-key': idempotency };
    const { end, key } = await this.#ask(this.#fresh, { method: 'POST', path: JOBS, headers, body }, signal);
    if (end.kind === 'no_key') return { kind: 'refused', class: 'auth', reason: end.reason };
    return judgeSubmit(end, key, this.idempotent);
  }

  async look(job_id: string, signal: AbortSignal): Promise<JobLook> {
    const path = `${JOBS}/${encodeURIComponent(job_id)}`;
    const { end, key } = await this.#get(path, signal);
    if (end.kind === 'answer' && (end.status === 404 || end.status === 410)) return { kind: 'unknown_job' };
    const answer = understand(end, key, StatusAnswer);
    if (answer.kind === 'later') return answer;
    const { status, error } = answer.value;
    switch (status) {
      case 'queued':
      case 'processing':
        return { kind: 'active', status };
      case 'failed':
      case 'cancelled':
        return { kind: 'failed', reason: quote(`${status} upstream: ${wording(error) ?? 'no reason given'}`, key) };
      case 'completed':
        return this.#result(`${path}/result`, signal);
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#pool.destroy(), this.#fresh.destroy()]);
  }

  async #result(path: string, signal: AbortSignal): Promise<JobLook> {
    const { end, key } = await this.#get(path, signal);
    // It will not get smaller by asking again.
    if (end.kind === 'too_large')
      return { kind: 'failed', reason: `completed upstream, but the result has more than ${end.max_bytes} bytes` };
    const answer = understand(end, key, ResultAnswer);
    if (answer.kind === 'later') return answer;
    const { response, provider, model, cost_cad, tokens } = answer.value;
    return {
      kind: 'completed',
      response,
      ...(provider !== undefined && { provider }),
      ...(model !== undefined && { model }),
      ...(cost_cad !== undefined && { cost: { amount: cost_cad, currency: this.#config.currency } }),
      ...(tokens !== undefined && { tokens }),
    };
  }

  async #find(template: string, key: string, signal: AbortSignal): Promise<string | undefined> {
    const { end, key: secret } = await this.#get(template.replace('{key}', encodeURIComponent(key)), signal);
    if (end.kind === 'answer' && end.status === 404) return undefined;
    const answer = understand(end, secret, FindAnswer);
    if (answer.kind === 'later') throw new Error(`${this.id} could not look a job up: ${answer.reason}`);
    return answer.value.found;
  }

  async #cancel(template: string, job_id: string, signal: AbortSignal): Promise<void> {
    const path = template.replace('{id}', encodeURIComponent(job_id));
    const { end, key } = await this.#ask(this.#pool, { method: 'POST', path, headers: {} }, signal);
    if (end.kind === 'answer' && end.status < 300) return;
    throw new Error(`${this.id} did not cancel job ${job_id}: ${trouble(end, key)}`);
  }

  #get(path: string, signal: AbortSignal) {
    return this.#ask(this.#pool, { method: 'GET', path, headers: {} }, signal);
  }

  async #ask(pool: Pool, request: Request, signal: AbortSignal): Promise<{ end: End; key: string | undefined }> {
    const source = await readKey(this.#config, this.#options.env ?? process.env);
    if (!source.found) return { end: { kind: 'no_key', reason: source.reason }, key: undefined };
    const { key } = source;
    const headers = { accept: 'application/json', ...request.headers, ...(key && { authorization: `Bearer ${key}` }) };
    const limits = { timeout_ms: this.#config.timeout, max_bytes: this.#options.max_bytes ?? MAX_BYTES };
    const end = await exchange(pool, { ...request, path: this.#prefix + request.path, headers }, limits, signal);
    return { end, key };
  }
}

type End = Exchange | { readonly kind: 'no_key'; readonly reason: string };
type Understood<T> = { kind: 'understood'; value: T } | (JobLook & { kind: 'later' });

/** A question that changes nothing can be asked again: whatever is not a good answer means "later". */
function understand<T>(end: End, key: string | undefined, schema: Parameters<typeof parse<T>>[0]): Understood<T> {
  if (end.kind === 'answer' && end.status >= 200 && end.status < 300) {
    const value = parse(schema, end.body);
    if (value !== undefined) return { kind: 'understood', value };
    return { kind: 'later', reason: `HTTP ${end.status} with an answer of another shape` };
  }
  const wait = end.kind === 'answer' && isLater(end.status) ? retryAfter(end) : {};
  return { kind: 'later', reason: trouble(end, key), ...wait };
}

function trouble(end: End, key: string | undefined): string {
  switch (end.kind) {
    case 'answer':
      return `HTTP ${end.status} ${complaint(end.body, key)}`.trim();
    case 'too_large':
      return `HTTP ${end.status} with more than ${end.max_bytes} bytes`;
    case 'broken':
    case 'no_key':
      return end.reason;
  }
}
