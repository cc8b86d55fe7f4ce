import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type JobStatus = 'queued' | 'processing' | 'completed' | 'failed' | 'cancelled';
export type Endpoint = 'submit' | 'status' | 'result' | 'find' | 'cancel';

/** One way to misbehave. `accepting` says whether a submit that is hit by it has made its job all the same. */
export type Fault =
  | { readonly kind: 'status'; readonly code: number; readonly retry_after?: string; readonly body?: string }
  | { readonly kind: 'drop'; readonly accepting?: boolean }
  | { readonly kind: 'stall'; readonly accepting?: boolean }
  | { readonly kind: 'drip'; readonly accepting?: boolean } // a byte now and then, for ever
  | { readonly kind: 'body'; readonly text: string; readonly accepting?: boolean } // 200 with this
  | { readonly kind: 'huge'; readonly bytes: number; readonly accepting?: boolean }
  | { readonly kind: 'redirect'; readonly to: string; readonly code?: number };

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
  /** Every submit that arrived whole and every question about a job that is known, in order. */
  readonly heard: { readonly endpoint: Endpoint; readonly prompt: string; readonly key: string | undefined }[] = [];
  in_flight = 0;
  most_in_flight = 0;
  readonly #server: Server;
  readonly #faults = new Map<Endpoint, { readonly fault: Fault; readonly only: string }[]>();
  readonly #plans: { readonly only: string; readonly statuses: readonly JobStatus[] }[] = [];
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #options: JobServiceOptions;
  #made = 0;
  latency_ms: number;

  private constructor(options: JobServiceOptions) {
    this.#options = options;
    this.latency_ms = options.latency_ms ?? 0;
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

  /** The next `times` requests to this endpoint go wrong in this way; `only`: of jobs with this text in their prompt. */
  fault(endpoint: Endpoint, fault: Fault, times = 1, only = ''): void {
    const waiting = this.#faults.get(endpoint) ?? [];
    for (let n = 0; n < times; n++) waiting.push({ fault, only });
    this.#faults.set(endpoint, waiting);
  }

  /** Jobs with this text in their prompt say these at their looks. */
  plan(only: string, statuses: readonly JobStatus[]): void {
    this.#plans.push({ only, statuses });
  }

  heal(): void {
    this.#faults.clear();
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
    this.requests.push(`${request.method} ${request.url}`);
    if (this.latency_ms > 0) await this.#pause(this.latency_ms);
    this.#route(request, response, body);
  }

  #route(request: IncomingMessage, response: ServerResponse, body: string): void {
    const url = new URL(request.url ?? '/', this.url);
    const [, job_id, rest] = /^\/api\/v1\/jobs(?:\/([^/]+)(\/[a-z]+)?)?$/.exec(url.pathname) ?? [];
    const method = request.method ?? '';
    const verb = `${method} ${job_id === undefined ? '' : '{id}'}${rest ?? ''}`;
    const id = decodeURIComponent(job_id ?? '');
    const key = request.headers['idempotency-key'];
    const steps: Record<string, [Endpoint, () => ServerResponse]> = {
      'POST ': ['submit', () => this.#submit(response, body, typeof key === 'string' ? key : undefined)],
      'GET ': ['find', () => this.#find(response, url.searchParams.get('idempotency_key') ?? '')],
      'GET {id}': ['status', () => this.#status(response, id)],
      'GET {id}/result': ['result', () => this.#result(response, id)],
      'POST {id}/cancel': ['cancel', () => this.#cancel(response, id)],
    };
    const step = url.pathname.startsWith('/api/v1/jobs') ? steps[verb] : undefined;
    if (!step) {
      send(response, 404, { error: 'no such endpoint' });
      return;
    }
    const [endpoint, answer] = step;
    const prompt = endpoint === 'submit' ? promptIn(body) : this.jobs.get(id)?.order.prompt;
    if (prompt !== undefined) this.heard.push({ endpoint, prompt, key: typeof key === 'string' ? key : undefined });
    const fault = this.#faultFor(endpoint, prompt);
    const stranger = this.#options.key !== undefined && request.headers.authorization !== `Bearer ${this.#options.key}`;
    if (fault) this.#spoil(response, endpoint, fault, body, typeof key === 'string' ? key : undefined);
    else if (stranger) send(response, 401, { error: 'bad API key' });
    else answer();
  }

  #faultFor(endpoint: Endpoint, prompt = ''): Fault | undefined {
    const waiting = this.#faults.get(endpoint) ?? [];
    const at = waiting.findIndex(({ only }) => prompt.includes(only));
    return at < 0 ? undefined : waiting.splice(at, 1)[0]?.fault;
  }

  #spoil(response: ServerResponse, endpoint: Endpoint, fault: Fault, body: string, key: string | undefined): void {
    if (endpoint === 'submit' && 'accepting' in fault && fault.accepting === true) this.#make(body, key);
    this.#misbehave(response, fault);
  }

  #submit(response: ServerResponse, body: string, key: string | undefined): ServerResponse {
    const job = this.#make(body, key);
    if (typeof job === 'string') return send(response, 400, { error: job });
    return send(response, 201, { job_id: job.job_id });
  }

  #make(body: string, key: string | undefined): FakeJob | string {
    const known = key === undefined ? undefined : this.jobsWithKey(key)[0];
    if (known && this.#options.honour_keys !== false) return known;
    const order = JSON.parse(body) as FakeJob['order'];
    for (const field of ['type', 'priority', 'prompt', 'source'] as const)
      if (typeof order[field] !== 'string') return `${field} is missing`;
    const planned = this.#plans.find(({ only }) => order.prompt.includes(only))?.statuses;
    const statuses = planned ?? this.#options.statuses ?? ['queued', 'processing', 'completed'];
    const job = { job_id: `job-${++this.#made}`, key, order, statuses, looks: 0, error: '', result: {} };
    this.jobs.set(job.job_id, job);
    return job;
  }

  #status(response: ServerResponse, job_id: string): ServerResponse {
    const job = this.jobs.get(job_id);
    if (!job) return send(response, 404, { error: 'unknown job' });
    const status = job.statuses[Math.min(job.looks++, job.statuses.length - 1)];
    return send(response, 200, { job_id, status, ...(job.error && { error: job.error }) });
  }

  #result(response: ServerResponse, job_id: string): ServerResponse {
    const job = this.jobs.get(job_id);
    if (!job) return send(response, 404, { error: 'unknown job' });
    const text = this.#options.response?.(job) ?? `Answer to: ${job.order.prompt}`;
    return send(response, 200, {
      response: text,
      provider: job.order.preferred_ai ?? 'gemini',
      model: 'fake-1',
      cost_cad: 0.0123,
      tokens: 321,
      ...job.result,
    });
  }

  #find(response: ServerResponse, key: string): ServerResponse {
    return send(response, 200, { jobs: this.jobsWithKey(key).map(({ job_id }) => ({ job_id })) });
  }

  #cancel(response: ServerResponse, job_id: string): ServerResponse {
    if (!this.jobs.has(job_id)) return send(response, 404, { error: 'unknown job' });
    this.settle(job_id, 'cancelled');
    return send(response, 200, { job_id, status: 'cancelled' });
  }

  #misbehave(response: ServerResponse, fault: Fault): void {
    switch (fault.kind) {
      case 'status': {
        const headers = fault.retry_after === undefined ? {} : { 'retry-after': fault.retry_after };
        response.writeHead(fault.code, headers).end(fault.body ?? JSON.stringify({ error: `scripted ${fault.code}` }));
        return;
      }
      case 'drop':
        response.socket?.destroy();
        return;
      case 'stall':
        return;
      case 'drip': {
        response.writeHead(200, { 'content-type': 'application/json' });
        const timer = setInterval(() => response.write(' '), 20);
        this.#timers.add(timer);
        response.once('close', () => clearInterval(timer));
        return;
      }
      case 'body':
        response.writeHead(200, { 'content-type': 'application/json' }).end(fault.text);
        return;
      case 'huge':
        pour(response, fault.bytes);
        return;
      case 'redirect':
        response.writeHead(fault.code ?? 302, { location: fault.to }).end();
        return;
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        resolve();
      }, ms);
      this.#timers.add(timer);
    });
  }
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function promptIn(body: string): string {
  try {
    return String((JSON.parse(body) as { prompt?: unknown }).prompt);
  } catch {
    return '';
  }
}

function send(response: ServerResponse, code: number, answer: unknown): ServerResponse {
  return response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
}

/** `{"response":"xxxx…` of the given size, written only as fast as the client takes it. */
function pour(response: ServerResponse, bytes: number): void {
  const chunk = Buffer.alloc(64 * 1024, 'x');
  let left = bytes;
  response.writeHead(200, { 'content-type': 'application/json' });
  response.write('{"response":"');
  const more = () => {
    while (left > 0) {
      left -= chunk.length;
      if (response.write(chunk)) continue;
      response.once('drain', more);
      return;
    }
    response.end('"}');
  };
  more();
}
