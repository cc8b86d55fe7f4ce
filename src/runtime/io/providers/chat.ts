import { buildConnector, Client } from 'undici';
import type { ChatProvider as ChatConfig } from '../../model/provider.ts';
import { isRefusal, type Refusal } from '../../model/refusal.ts';
import { addressOf } from '../../policy/provider-address.ts';
import type { JobLook, JobOrder, Provider, Submitted } from '../../ports.ts';
import { ChatAnswer } from './chat-answer.ts';
import { judgeRefusal } from './chat-head.ts';
import { ChatJob } from './chat-job.ts';
import { ChatJobs } from './chat-jobs.ts';
import { readingOf } from './chat-reading.ts';
import { jobIdOf, modelFor, requestBody } from './chat-request.ts';
import { readKey } from './key.ts';
import { type Headers, type Opened, openExchange } from './open-exchange.ts';

/*
 * A chat completion as a job. The job is our own request: it is accepted when the server begins to answer, read in the
 * background, and gone with its connection or with this process.
 *
 * 1. One key is one request that is answered: a second submit with it, while the first is known, gets the same job.
 * 2. A request is repeated only where the server has refused it for a key that it does not know (`stream_options`), which
 *    is remembered; it goes out under another idempotency key, since it is another request.
 * 3. `timeout` is for what comes before the first words of the model, `stall` for each silence after it. Where there is no
 *    stream, `timeout` is for everything.
 */

export interface ChatOptions {
  /** Where the API key's variable is looked up. */
  readonly env?: NodeJS.ProcessEnv;
  /** Of an answer. */
  readonly max_bytes?: number;
  /** Those that outlive this adapter, where its settings change: whoever gives them ends them. */
  readonly jobs?: ChatJobs;
}

const MAX_ANSWER_BYTES = 8 * 1024 * 1024;
/** Every word comes in an envelope of some 300 bytes. */
const STREAM_FACTOR = 32;

/** A server that speaks OpenAI's chat completions. */
export function chatProvider(id: string, config: ChatConfig, options: ChatOptions = {}): Provider | Refusal {
  const base = addressOf(id, config.base_url);
  if (isRefusal(base)) return base;
  return new Chat(id, config, base, options);
}

class Chat implements Provider {
  readonly id: string;
  readonly address: string;
  readonly ai: readonly string[];
  readonly idempotent = false;
  readonly transient = true;
  readonly #config: ChatConfig;
  readonly #options: ChatOptions;
  readonly #path: string;
  readonly #origin: string;
  readonly #connect: buildConnector.connector;
  readonly #jobs: ChatJobs;
  readonly #submits = new Map<string, Promise<Submitted>>();
  #usage: 'asked' | 'unasked' = 'asked';

  constructor(id: string, config: ChatConfig, base: URL, options: ChatOptions) {
    this.id = id;
    this.address = config.base_url;
    this.ai = [...new Set([...config.ai, ...Object.keys(config.models)])];
    this.#config = config;
    this.#options = options;
    this.#jobs = options.jobs ?? new ChatJobs();
    this.#path = `${base.pathname.replace(/\/+$/, '')}/chat/completions`;
    this.#origin = base.origin;
    this.#connect = buildConnector({ timeout: config.timeout });
  }

  async submit(order: JobOrder, signal: AbortSignal): Promise<Submitted> {
    const job_id = jobIdOf(order.key);
    if (this.#jobs.has(job_id)) return { kind: 'accepted', job_id }; // 1
    const submitting = this.#submits.get(job_id) ?? this.#submit(job_id, order, signal);
    this.#submits.set(job_id, submitting);
    return submitting.finally(() => this.#submits.delete(job_id));
  }

  async look(job_id: string): Promise<JobLook> {
    return this.#jobs.look(job_id);
  }

  ended(job_id: string): Promise<void> {
    return this.#jobs.ended(job_id);
  }

  async cancel(job_id: string): Promise<void> {
    this.#jobs.callOff(job_id);
  }

  async close(): Promise<void> {
    if (!this.#options.jobs) this.#jobs.close();
  }

  async #submit(job_id: string, order: JobOrder, signal: AbortSignal): Promise<Submitted> {
    const source = await readKey(this.#config, this.#options.env ?? process.env);
    if (!source.found) return { kind: 'refused', class: 'auth', reason: source.reason };
    const asked = { provider: this.id, model: modelFor(this.#config, order), key: source.key };
    const begun = Date.now();
    const opened = await this.#ask(order, asked.key, signal);
    if (opened.kind !== 'open') return judgeRefusal(opened, asked);
    const type = one(opened.headers, 'content-type');
    if (/^text\/html\b/i.test(type)) {
      opened.body.close();
      const reason = `HTTP ${opened.status} with a web page: is delegation.providers.${this.id}.base_url right?`;
      return { kind: 'refused', class: 'upstream', reason };
    }
    const answer = new ChatAnswer({ ...asked, prices: this.#config.prices });
    const reading = readingOf(answer, type, this.#bounds());
    this.#jobs.add(job_id, new ChatJob(opened.body, answer, reading, this.#patience(begun)));
    return { kind: 'accepted', job_id };
  }

  async #ask(order: JobOrder, key: string | undefined, signal: AbortSignal): Promise<Opened> {
    const opened = await this.#post(order.key, requestBody(this.#config, order, this.#usage), key, signal);
    if (this.#usage === 'unasked' || !this.#config.stream || !refusesUsage(opened)) return opened;
    this.#usage = 'unasked'; // 2
    return this.#post(`${order.key}-2`, requestBody(this.#config, order, 'unasked'), key, signal);
  }

  #post(idempotency: string, body: string, key: string | undefined, signal: AbortSignal): Promise<Opened> {
    const headers = {
      accept: this.#config.stream ? 'text/event-stream, application/json' : 'application/json',
      'content-type': 'application/json',
      'idempotency-key': idempotency,
      ...(key && { authorization: `Bearer ${key}` }),
    };
    const client = new Client(this.#origin, { connect: this.#connect });
    return openExchange(client, { method: 'POST', path: this.#path, headers, body }, this.#config.timeout, [
      signal,
      this.#jobs.closing,
    ]);
  }

  #bounds() {
    const answer_bytes = this.#options.max_bytes ?? MAX_ANSWER_BYTES;
    return { answer_bytes, stream_bytes: STREAM_FACTOR * answer_bytes };
  }

  #patience(begun: number) {
    const { timeout, stall, stream } = this.#config;
    const left = Math.max(0, begun + timeout - Date.now());
    return { first_ms: stream ? Math.max(left, stall) : left, stall_ms: stall }; // 3
  }
}

/** 400 at most servers, 422 at those that check by a schema; the key is named somewhere in what they say. */
function refusesUsage(opened: Opened): boolean {
  if (opened.kind !== 'answer' || (opened.status !== 400 && opened.status !== 422)) return false;
  return /stream_options|include_usage/.test(opened.body.toString('utf8'));
}

function one(headers: Headers, name: string): string {
  const given = headers[name];
  return (Array.isArray(given) ? given[0] : given) ?? '';
}
