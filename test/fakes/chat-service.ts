import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One way to misbehave, for one request. */
export type ChatFault =
  | { readonly kind: 'status'; readonly code: number; readonly headers?: Headers; readonly body?: unknown }
  | { readonly kind: 'redirect'; readonly to: string; readonly code?: number }
  | { readonly kind: 'drop' } // before the head
  | { readonly kind: 'silence' } // no head, for ever
  | { readonly kind: 'slow'; readonly ms: number } // until the head; then as usual
  | { readonly kind: 'breaks'; readonly after: string } // in the middle of the stream
  | { readonly kind: 'stalls'; readonly after: string; readonly pings?: boolean } // perhaps with a proxy's signs of life
  | { readonly kind: 'ends'; readonly after: string } // as HTTP ends, without the end of the answer
  | { readonly kind: 'drip'; readonly ms: number } // a word now and then, for ever
  | { readonly kind: 'error'; readonly after: string; readonly error: unknown } // within the stream
  | { readonly kind: 'huge'; readonly bytes: number }
  | { readonly kind: 'says'; readonly text: string; readonly finish?: string; readonly usage?: unknown }
  | { readonly kind: 'whole'; readonly body?: unknown; readonly type?: string } // `stream` ignored: one piece of JSON
  | { readonly kind: 'tool' }
  /** These very bytes, each piece in a write of its own. */
  | {
      readonly kind: 'bytes';
      readonly pieces: readonly (string | Buffer)[];
      readonly type?: string;
      readonly taken?: true;
    };

type Headers = Readonly<Record<string, string>>;

export interface ChatServiceOptions {
  readonly port?: number;
  /** Bearer token that every request must carry. */
  readonly key?: string;
  /** Answers begin at once, and end only when `finish` is called. */
  readonly hold?: boolean;
  readonly answer?: (prompt: string) => string;
  /** null: none is told. */
  readonly usage?: unknown;
  /** It refuses what it does not know, as some do. */
  readonly strict?: boolean;
}

export interface ChatRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: {
    readonly model?: string;
    readonly stream?: boolean;
    readonly messages: readonly { readonly role: string; readonly content: string }[];
    readonly [other: string]: unknown;
  };
  readonly prompt: string;
  /** It was taken as a job: it was, or is, being answered. */
  taken: boolean;
  /** Settles when its connection has been closed, by whomever. */
  readonly closed: Promise<void>;
  /** The client went away before it had all of it. */
  left: boolean;
  readonly response: ServerResponse;
}

export const USAGE = { prompt_tokens: 1_000, completion_tokens: 500, total_tokens: 1_500 };

/** A server that speaks OpenAI's chat completions over real HTTP and misbehaves on request. */
export class ChatService {
  readonly requests: ChatRequest[] = [];
  readonly #server: Server;
  readonly #options: ChatServiceOptions;
  readonly #faults: ChatFault[] = [];
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #awaited: (() => void)[] = [];

  private constructor(options: ChatServiceOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  static async start(options: ChatServiceOptions = {}): Promise<ChatService> {
    const service = new ChatService(options);
    await new Promise<void>((resolve) => service.#server.listen(options.port ?? 0, '127.0.0.1', resolve));
    return service;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The `base_url` of a provider. */
  get url(): string {
    return `http://127.0.0.1:${this.port}/v1`;
  }

  /** The next `times` requests go wrong in this way. */
  fault(fault: ChatFault, times = 1): void {
    for (let n = 0; n < times; n++) this.#faults.push(fault);
  }

  /** The request of this number (from 0), as soon as it has arrived. */
  async request(number: number): Promise<ChatRequest> {
    while (!this.requests[number]) await new Promise<void>((resolve) => this.#awaited.push(resolve));
    return this.requests[number];
  }

  /** More words of an answer that is held. */
  say(request: ChatRequest, text: string): void {
    request.response.write(event({ choices: [{ index: 0, delta: { content: text } }] }));
  }

  /** The rest of an answer that is held. */
  finish(request: ChatRequest, text: string, finish = 'stop'): void {
    this.say(request, text);
    this.#end(request, finish, this.#options.usage ?? USAGE);
  }

  /** An answer that is held fails in the middle. */
  fail(request: ChatRequest, error: unknown): void {
    request.response.end(event({ error }));
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

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of incoming) chunks.push(chunk as Buffer);
    } catch {
      return; // the client went away
    }
    const request = this.#record(incoming, response, Buffer.concat(chunks).toString('utf8'));
    for (const resolve of this.#awaited.splice(0)) resolve();
    const fault = this.#faults.shift();
    if (fault) {
      this.#misbehave(request, fault);
      return;
    }
    const trouble = this.#trouble(request);
    if (trouble) send(response, ...trouble);
    else this.#answer(request, { kind: 'says', text: this.#words(request) });
  }

  #record({ method = '', url = '', headers }: IncomingMessage, response: ServerResponse, text: string): ChatRequest {
    const body = JSON.parse(text || '{"messages":[]}') as ChatRequest['body'];
    const prompt = body.messages.findLast(({ role }) => role === 'user')?.content ?? '';
    const closed = new Promise<void>((resolve) => response.once('close', resolve));
    const request = { method, url, headers, body, prompt, closed, response, taken: false, left: false };
    void closed.then(() => {
      request.left = !response.writableFinished;
    });
    this.requests.push(request);
    return request;
  }

  #trouble({ method, url, headers, body }: ChatRequest): [number, unknown] | undefined {
    const { key, strict } = this.#options;
    if (key !== undefined && headers.authorization !== `Bearer ${key}`)
      return [401, told('Incorrect API key provided', 'invalid_api_key')];
    if (method !== 'POST' || url.split('?')[0] !== '/v1/chat/completions') return [404, { detail: 'Not Found' }];
    if (strict && 'stream_options' in body)
      return [422, { detail: [{ type: 'extra_forbidden', loc: ['body', 'stream_options'], msg: 'Extra inputs' }] }];
    if (body.model === 'nobody')
      return [404, told('The model `nobody` does not exist or you do not have access to it.', 'model_not_found')];
    return undefined;
  }

  #words({ prompt }: ChatRequest): string {
    return this.#options.answer?.(prompt) ?? `Answer to: ${prompt}`;
  }

  #answer(request: ChatRequest, said: ChatFault & { kind: 'says' }): void {
    const usage = said.usage ?? (this.#options.usage === undefined ? USAGE : this.#options.usage);
    request.taken = true;
    if (request.body.stream === false) {
      if (!this.#options.hold) send(request.response, 200, whole(request, said.text, said.finish, usage));
      return;
    }
    this.#begin(request);
    if (this.#options.hold) return;
    for (const word of said.text.match(/.{1,7}/gsu) ?? []) this.say(request, word);
    this.#end(request, said.finish ?? 'stop', usage);
  }

  #begin(request: ChatRequest, type = 'text/event-stream; charset=utf-8'): void {
    request.taken = true;
    request.response.writeHead(200, { 'content-type': type });
    request.response.write(event({ ...named(request), choices: [{ index: 0, delta: { role: 'assistant' } }] }));
  }

  #end(request: ChatRequest, finish: string, usage: unknown): void {
    const { response, body } = request;
    response.write(event({ ...named(request), choices: [{ index: 0, delta: {}, finish_reason: finish }] }));
    const asked = (body.stream_options as { include_usage?: boolean } | undefined)?.include_usage === true;
    if (asked && usage !== null) response.write(event({ ...named(request), choices: [], usage }));
    response.end('data: [DONE]\n\n');
  }

  #misbehave(request: ChatRequest, fault: ChatFault): unknown {
    const { response } = request;
    switch (fault.kind) {
      case 'status':
        return send(response, fault.code, fault.body ?? told(`scripted ${fault.code}`), fault.headers);
      case 'redirect':
        response.writeHead(fault.code ?? 307, { location: fault.to }).end();
        return;
      case 'drop':
        response.socket?.destroy();
        return;
      case 'silence':
        return;
      case 'slow':
        return this.#later(fault.ms, () => this.#answer(request, { kind: 'says', text: this.#words(request) }));
      case 'breaks':
        this.#begin(request);
        response.write(event({ choices: [{ index: 0, delta: { content: fault.after } }] }), () =>
          response.socket?.destroy(),
        );
        return;
      case 'stalls':
        this.#begin(request);
        if (fault.after !== '') this.say(request, fault.after);
        if (fault.pings) this.#again(request, 20, () => response.write(': ping\n\n'));
        return;
      case 'ends':
        this.#begin(request);
        this.say(request, fault.after);
        response.end();
        return;
      case 'drip':
        this.#begin(request);
        return this.#again(request, fault.ms, () => this.say(request, '.'));
      case 'error':
        this.#begin(request);
        this.say(request, fault.after);
        response.end(event({ error: fault.error }));
        return;
      case 'huge':
        this.#begin(request);
        return pour(response, fault.bytes);
      case 'says':
        return this.#answer(request, fault);
      case 'whole': {
        const body = fault.body ?? whole(request, this.#words(request), 'stop', this.#options.usage ?? USAGE);
        return send(response, 200, body, { 'content-type': fault.type ?? 'application/json' });
      }
      case 'tool': {
        this.#begin(request);
        const tool_calls = [{ index: 0, id: 'c1', type: 'function', function: { name: 'shell', arguments: '{}' } }];
        response.write(event({ choices: [{ index: 0, delta: { tool_calls } }] }));
        return this.#end(request, 'tool_calls', USAGE);
      }
      case 'bytes':
        request.taken = fault.taken ?? false;
        response.writeHead(200, { 'content-type': fault.type ?? 'text/event-stream' });
        return this.#writeAll(response, fault.pieces);
    }
  }

  #writeAll(response: ServerResponse, [piece, ...rest]: readonly (string | Buffer)[]): void {
    if (piece === undefined) response.end();
    else response.write(piece, () => setImmediate(() => this.#writeAll(response, rest)));
  }

  #later(ms: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      run();
    }, ms);
    this.#timers.add(timer);
  }

  #again(request: ChatRequest, ms: number, run: () => void): void {
    const timer = setInterval(run, ms);
    this.#timers.add(timer);
    request.response.once('close', () => {
      clearInterval(timer);
      this.#timers.delete(timer);
    });
  }
}

function event(data: unknown): string {
  return `data: ${JSON.stringify(data)}\n\n`;
}

/** As OpenAI says what is wrong. */
export function told(message: string, code: string | null = null): unknown {
  return { error: { message, type: 'invalid_request_error', param: null, code } };
}

function named({ body }: ChatRequest) {
  return { id: 'chatcmpl-1', object: 'chat.completion.chunk', model: `${body.model}-2026-11-01` };
}

function whole(request: ChatRequest, content: string, finish_reason = 'stop', usage: unknown = USAGE): unknown {
  const choices = [{ index: 0, message: { role: 'assistant', content }, finish_reason }];
  return { ...named(request), object: 'chat.completion', choices, ...(usage !== null && { usage }) };
}

function send(response: ServerResponse, code: number, answer: unknown, headers: Headers = {}): void {
  const body = typeof answer === 'string' ? answer : JSON.stringify(answer);
  response.writeHead(code, { 'content-type': 'application/json', ...headers }).end(body);
}

/** Words without end, only as fast as the client takes them. */
function pour(response: ServerResponse, bytes: number): void {
  const chunk = event({ choices: [{ index: 0, delta: { content: 'x'.repeat(32 * 1024) } }] });
  let left = bytes;
  const more = () => {
    while (left > 0 && !response.destroyed) {
      left -= 32 * 1024;
      if (response.write(chunk)) continue;
      response.once('drain', more);
      return;
    }
    response.end('data: [DONE]\n\n');
  };
  more();
}
