import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Answer, type Fault, type Later, misbehave, needsAnswer, spoil } from './job-faults.ts';

export type JobStatus = 'queued' | 'processing' | 'completed' | 'failed' | 'cancelled';
export type Endpoint = 'submit' | 'status' | 'result' | 'find' | 'cancel';

export type { Fault } from './job-faults.ts';

export interface JobServiceOptions {
  readonly port?: number;
  /** Bearer token that every request must carry. */
  readonly key?: string;
  /** Whether a second submit with the same Idempotency-Key answers the first job (default) or makes another. */
  readonly honour_keys?: boolean;
  readonly latency_ms?: number;
  /** What a job says at its first, second, … look; the last one stays. */
  readonly statuses?: readonly JobStatus[];
  readonly response?: (job: FakeJob) => string;
  readonly faults?: readonly Scripted[];
  /** Sees every answer as it is meant, before any fault. */
  readonly onAnswer?: (seen: Seen) => void;
}

/** A fault for the `nth` request to this endpoint, counted from 1 and from the start; without it for the next `times`. */
export interface Scripted {
  readonly at: Endpoint;
  readonly fault: Fault;
  readonly nth?: number;
  readonly times?: number;
}

export interface Seen {
  readonly endpoint: Endpoint;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  readonly answer: Answer;
}

/** What a separate process can say to the service, by its standard input or by `POST /control`. */
export interface Command {
  readonly fault?: readonly [Endpoint, Fault, number?];
  readonly script?: readonly Scripted[];
  readonly heal?: boolean;
  readonly settle?: readonly [string, JobStatus, string?];
  /** What a job says from now on, look by look. */
  readonly statuses?: readonly [string, readonly JobStatus[]];
  readonly forget?: string;
  readonly latency_ms?: number;
}

export interface Report {
  readonly jobs: readonly (Pick<FakeJob, 'job_id' | 'looks'> & { readonly key: string | undefined })[];
  readonly requests: readonly string[];
  readonly counts: Readonly<Partial<Record<Endpoint, number>>>;
  readonly most_in_flight: number;
}

export interface FakeJob {
  readonly job_id: string;
  readonly key: string | undefined;
  readonly order: {
    readonly type: string;
    readonly priority: string;
    readonly prompt: string;
    readonly preferred_ai?: string;
    readonly source: string;
  };
  statuses: readonly JobStatus[];
  looks: number;
  error: string;
  /** Fields of the result that differ from the usual ones. */
  result: Record<string, unknown>;
}

/** A remote AI job service that speaks the whole contract over real HTTP and misbehaves on request. */
export class JobService {
  readonly jobs = new Map<string, FakeJob>();
  /** `METHOD path` of every request that arrived whole, in order. */
  readonly requests: string[] = [];
  in_flight = 0;
  most_in_flight = 0;
  readonly #server: Server;
  readonly #faults = new Map<Endpoint, { readonly fault: Fault; left: number }[]>();
  readonly #scripted: Scripted[] = [];
  readonly #counts: Partial<Record<Endpoint, number>> = {};
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #options: JobServiceOptions;
  #made = 0;
  latency_ms: number;

  private constructor(options: JobServiceOptions) {
    this.#options = options;
    this.latency_ms = options.latency_ms ?? 0;
    this.script(options.faults ?? []);
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  static async start(options: JobServiceOptions = {}): Promise<JobService> {
    const service = new JobService(options);
    await new Promise<void>((resolve) => service.#server.listen(options.port ?? 0, '127.0.0.1', resolve));
    return service;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The next `times` requests to this endpoint go wrong in this way; `Infinity`: until it is healed. */
  fault(endpoint: Endpoint, fault: Fault, times = 1): void {
    const waiting = this.#faults.get(endpoint) ?? [];
    waiting.push({ fault, left: times });
    this.#faults.set(endpoint, waiting);
  }

  script(faults: readonly Scripted[]): void {
    for (const one of faults)
      if (one.nth === undefined) this.fault(one.at, one.fault, one.times);
      else this.#scripted.push(one);
  }

  heal(): void {
    this.#faults.clear();
    this.#scripted.length = 0;
  }

  command({ fault, script, heal, settle, statuses, forget, latency_ms }: Command): Report {
    if (heal) this.heal();
    if (fault) this.fault(...fault);
    if (script) this.script(script);
    if (settle) this.settle(...settle);
    if (statuses) Object.assign(this.job(statuses[0]), { statuses: statuses[1], looks: 0 });
    if (forget !== undefined) this.jobs.delete(forget);
    if (latency_ms !== undefined) this.latency_ms = latency_ms;
    return this.report();
  }

  report(): Report {
    const jobs = [...this.jobs.values()].map(({ job_id, key, looks }) => ({ job_id, key, looks }));
    return { jobs, requests: this.requests, counts: this.#counts, most_in_flight: this.most_in_flight };
  }

  job(job_id: string): FakeJob {
    const job = this.jobs.get(job_id);
    if (!job) throw new Error(`the fake knows no job ${job_id}`);
    return job;
  }

  /** From now on the job says this. */
  settle(job_id: string, status: JobStatus, error = ''): void {
    Object.assign(this.job(job_id), { statuses: [status], looks: 0, error });
  }

  jobsWithKey(key: string): FakeJob[] {
    return [...this.jobs.values()].filter((job) => job.key === key);
  }

  connections(): Promise<number> {
    return new Promise((resolve, reject) =>
      this.#server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
    );
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.in_flight++;
    this.most_in_flight = Math.max(this.most_in_flight, this.in_flight);
    response.once('close', () => this.in_flight--);
    let body: string;
    try {
      body = await read(request);
    } catch {
      return; // the client went away
    }
    if (request.method === 'POST' && request.url === '/control') {
      send(response, { code: 200, json: this.command(JSON.parse(body || '{}')) });
      return;
    }
    this.requests.push(`${request.method} ${request.url}`);
    if (this.latency_ms > 0) await new Promise<void>((resolve) => this.#later(this.latency_ms, resolve));
    this.#route(request, response, body);
  }

  #route(request: IncomingMessage, response: ServerResponse, body: string): void {
    const url = new URL(request.url ?? '/', this.url);
    const [, job_id, rest] = /^\/api\/v1\/jobs(?:\/([^/]+)(\/[a-z]+)?)?$/.exec(url.pathname) ?? [];
    const verb = `${request.method} ${job_id === undefined ? '' : '{id}'}${rest ?? ''}`;
    const id = decodeURIComponent(job_id ?? '');
    const key = request.headers['idempotency-key'];
    const steps: Record<string, [Endpoint, () => Answer]> = {
      'POST ': ['submit', () => this.#submit(body, typeof key === 'string' ? key : undefined)],
      'GET ': ['find', () => this.#find(url.searchParams.get('idempotency_key') ?? '')],
      'GET {id}': ['status', () => this.#status(id)],
      'GET {id}/result': ['result', () => this.#result(id)],
      'POST {id}/cancel': ['cancel', () => this.#cancel(id)],
    };
    const step = url.pathname.startsWith('/api/v1/jobs') ? steps[verb] : undefined;
    if (!step) {
      send(response, { code: 404, json: { error: 'no such endpoint' } });
      return;
    }
    const [endpoint, honest] = step;
    const stranger = this.#options.key !== undefined && request.headers.authorization !== `Bearer ${this.#options.key}`;
    const answer = () => this.#seen(request, endpoint, body, stranger ? BAD_KEY : honest());
    const fault = this.#nextFault(endpoint);
    if (!fault) send(response, answer());
    else if (needsAnswer(fault)) spoil(response, fault, answer(), this.#later);
    else {
      const accepting = 'accepting' in fault && fault.accepting === true;
      if (endpoint === 'submit' && accepting && !stranger) this.#make(body, typeof key === 'string' ? key : undefined);
      misbehave(response, fault, this.#later);
    }
  }

  #seen({ headers }: IncomingMessage, endpoint: Endpoint, body: string, answer: Answer): Answer {
    this.#options.onAnswer?.({ endpoint, headers, body, answer });
    return answer;
  }

  #nextFault(endpoint: Endpoint): Fault | undefined {
    const count = (this.#counts[endpoint] ?? 0) + 1;
    this.#counts[endpoint] = count;
    const scripted = this.#scripted.find(({ at, nth }) => at === endpoint && nth === count);
    if (scripted) return scripted.fault;
    const [next] = this.#faults.get(endpoint) ?? [];
    if (next && --next.left <= 0) this.#faults.get(endpoint)?.shift();
    return next?.fault;
  }

  #submit(body: string, key: string | undefined): Answer {
    const job = this.#make(body, key);
    if (typeof job === 'string') return { code: 400, json: { error: job } };
    return { code: 201, json: { job_id: job.job_id } };
  }

  #make(body: string, key: string | undefined): FakeJob | string {
    const known = key === undefined ? undefined : this.jobsWithKey(key)[0];
    if (known && this.#options.honour_keys !== false) return known;
    const order = JSON.parse(body) as FakeJob['order'];
    for (const field of ['type', 'priority', 'prompt', 'source'] as const)
      if (typeof order[field] !== 'string') return `${field} is missing`;
    const statuses = this.#options.statuses ?? ['queued', 'processing', 'completed'];
    const job = { job_id: `job-${++this.#made}`, key, order, statuses, looks: 0, error: '', result: {} };
    this.jobs.set(job.job_id, job);
    return job;
  }

  #status(job_id: string): Answer {
    const job = this.jobs.get(job_id);
    if (!job) return UNKNOWN;
    const status = job.statuses[Math.min(job.looks++, job.statuses.length - 1)];
    return { code: 200, json: { job_id, status, ...(job.error && { error: job.error }) } };
  }

  #result(job_id: string): Answer {
    const job = this.jobs.get(job_id);
    if (!job) return UNKNOWN;
    const text = this.#options.response?.(job) ?? `Answer to: ${job.order.prompt}`;
    const provider = job.order.preferred_ai ?? 'gemini';
    return {
      code: 200,
      json: { response: text, provider, model: 'fake-1', cost_cad: 0.0123, tokens: 321, ...job.result },
    };
  }

  #find(key: string): Answer {
    const jobs = this.jobsWithKey(key).map(({ job_id }) => ({ job_id, idempotency_key: key }));
    return { code: 200, json: { jobs } };
  }

  #cancel(job_id: string): Answer {
    if (!this.jobs.has(job_id)) return UNKNOWN;
    this.settle(job_id, 'cancelled');
    return { code: 200, json: { job_id, status: 'cancelled' } };
  }

  readonly #later: Later = (ms, run) => {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      run();
    }, ms);
    this.#timers.add(timer);
  };
}

const UNKNOWN: Answer = { code: 404, json: { error: 'unknown job' } };
const BAD_KEY: Answer = { code: 401, json: { error: 'bad API key' } };

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function send(response: ServerResponse, { code, json }: Answer): void {
  response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(json));
}
