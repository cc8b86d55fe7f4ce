import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { anthropic } from './anthropic.ts';
import { gemini } from './gemini.ts';
import { openai } from './openai.ts';
import type { Asked, Dialect, Json, Reply, Step } from './script.ts';

/** Where each provider's agents ask for the next turn. */
const TURNS: readonly [path: RegExp, dialect: Dialect][] = [
  [/^\/v1\/messages$/, anthropic],
  [/\/responses$/, openai],
  [/:streamGenerateContent$/, gemini],
];

/**
 * A model service on loopback that plays a script to a real agent. It keeps no conversation: the step to play is the
 * number of answers that the agent has from its tools, so an agent that asks again gets the same again.
 */
export class ScriptedModel {
  readonly asked: Asked[] = [];
  /** How it fails, instead of playing. */
  fails: { readonly status: number; readonly message: string; readonly error?: Json } | undefined;
  readonly #server: Server;
  readonly #steps: readonly Step[];
  readonly #again: boolean;
  #failure: unknown;
  #number = 0;

  private constructor(steps: readonly Step[], again: boolean) {
    this.#steps = steps;
    this.#again = again;
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  /** `again`: a call that failed is made again, as a sensible model would. */
  static async start(steps: readonly Step[], { again = false } = {}): Promise<ScriptedModel> {
    const model = new ScriptedModel(steps, again);
    await new Promise<void>((resolve) => model.#server.listen(0, '127.0.0.1', resolve));
    return model;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Ends it; throws what a step threw. */
  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', 'http://loopback');
    const dialect = TURNS.find(([path]) => path.test(pathname))?.[1];
    const body = await bodyOf(request);
    if (request.method !== 'POST' || dialect === undefined) return void response.end('{"data":[],"models":[]}');
    if (this.fails) return void failed(response, this.fails.status, this.fails.message, this.fails.error);
    const asked = dialect.asked(body);
    try {
      const reply = asked === undefined ? { say: 'a title' } : await this.#next(asked);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(dialect.stream(reply, ++this.#number));
    } catch (error) {
      this.#failure ??= error;
      failed(response, 400, `the script failed: ${error}`); // no agent asks again after that
    }
  }

  async #next(asked: Asked): Promise<Reply> {
    this.asked.push(asked);
    const { answers } = asked;
    const done = this.#again ? answers.filter(({ isError }) => !isError).length : answers.length;
    const step = this.#steps[done];
    if (step === undefined) throw new Error(`the script has no step ${done + 1}`);
    return step(asked);
  }
}

/** `more`: what a service says of an error beside its words. */
function failed(response: ServerResponse, status: number, message: string, more: Json = {}): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ error: { ...more, message } }));
}

async function bodyOf(request: IncomingMessage): Promise<Json> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  try {
    return text === '' ? {} : (JSON.parse(text) as Json);
  } catch {
    return {};
  }
}
