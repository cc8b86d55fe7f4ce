import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { EXIT, Failure, unreachable } from './failure.ts';
import { type Message, type RpcError, Wire } from './wire.ts';

/*
 * 1. A request keeps its id, and the connection its bridge id, whatever happens to sockets: sent again after a loss,
 *    the runtime answers what it answered first and changes nothing twice.
 * 2. Every request is answered or fails; none hangs. One is sent at most twice.
 */

const PROTOCOL = '2025-11-25';
const GREETING_MS = 15_000;
const PATIENCE_MS = 90_000; // longer than the longest wait that a tool allows

export interface Target {
  /** A connected socket, undefined where no runtime runs; rejects with what stands in the way. */
  connect(): Promise<Socket | undefined>;
  readonly version: string;
  /** The attempt's token when the caller is an agent of ours. */
  readonly token?: string;
  /** The session of the Claude Code that runs this command, and whether a person does rather than any agent. */
  readonly claude_session?: string;
  readonly person?: boolean;
}

export interface ToolAnswer {
  readonly structured: Readonly<Record<string, unknown>> | undefined;
  readonly text: string;
  readonly refused: boolean;
}

interface Pending {
  readonly line: string;
  sent: number;
  readonly timer: NodeJS.Timeout;
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** A conversation with the runtime that outlives one loss of its socket. */
export class Connection {
  readonly #target: Target;
  readonly #bridge = randomUUID();
  readonly #pending = new Map<number, Pending>();
  #wire: Wire | undefined;
  #opening: Promise<void> | undefined;
  #nextId = 1;
  #leaving = false;
  #gone: () => void = () => {};

  constructor(target: Target) {
    this.#target = target;
  }

  async tool(name: string, args: Readonly<Record<string, unknown>>): Promise<ToolAnswer> {
    const result = (await this.request('tools/call', { name, arguments: args })) as {
      structuredContent?: Record<string, unknown>;
      content?: { text?: string }[];
      isError?: boolean;
    } | null;
    const text = (result?.content ?? []).map(({ text }) => text ?? '').join('\n');
    const refused = result?.isError === true;
    return { structured: result?.structuredContent ?? (refused ? refusalIn(text) : undefined), text, refused };
  }

  request(method: string, params: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      const line = `${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`;
      const timer = setTimeout(() => this.#settle(id)?.reject(silent(method)), PATIENCE_MS);
      const pending = { line, sent: 0, timer, resolve, reject };
      this.#pending.set(id, pending);
      if (this.#wire) send(this.#wire, pending);
      else this.#openOrFail();
    });
  }

  /** Asks for what ends the conversation, once: its answer, undefined where the runtime was gone before it. */
  async last(method: string, params: unknown): Promise<unknown> {
    await this.#open();
    this.#leaving = true;
    return this.request(method, params).catch((error: Error) => (this.#wire ? Promise.reject(error) : undefined));
  }

  /** True when the runtime has closed the conversation within `ms`. */
  async closed(ms: number): Promise<boolean> {
    if (this.#wire === undefined) return true;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), ms);
    });
    const gone = new Promise<boolean>((resolve) => {
      this.#gone = () => resolve(true);
    });
    return Promise.race([gone, late]).finally(() => clearTimeout(timer));
  }

  close(): void {
    this.#leaving = true;
    this.#wire?.destroy();
    this.#failAll(unreachable('the connection was closed'));
  }

  #openOrFail(): void {
    this.#open().catch((error: Error) => this.#failAll(error));
  }

  /** One opening at a time; whoever comes meanwhile waits for the same. */
  #open(): Promise<void> {
    this.#opening ??= this.#openOnce().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #openOnce(): Promise<void> {
    const wire = await this.#reach();
    await this.#greet(wire);
    this.#wire = wire;
    for (const pending of this.#pending.values()) send(wire, pending); // invariant 1
  }

  async #reach(): Promise<Wire> {
    let socket: Socket | undefined;
    try {
      socket = await this.#target.connect();
    } catch (error) {
      const why = 'See why with `yardmaster serve`, or look at `yardmaster doctor`. Nothing was changed.';
      throw unreachable(`the runtime can't be reached: ${error instanceof Error ? error.message : String(error)}`, why);
    }
    if (socket === undefined) throw unreachable('no runtime runs', 'Start it with `yardmaster start`.');
    return new Wire(socket);
  }

  #greet(wire: Wire): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => wire.destroy('did not answer the handshake'), GREETING_MS);
      wire.listen({
        message: (message) => {
          const turnedAway = message.id === null && message.error !== undefined;
          const greeted = message.id === 'initialize' && message.method === undefined;
          if (!greeted && !turnedAway) return this.#receive(wire, message);
          clearTimeout(timer);
          if (message.error) {
            reject(refusedBy(message.error));
            return wire.destroy();
          }
          wire.send({ method: 'notifications/initialized' });
          resolve();
        },
        closed: (why) => {
          clearTimeout(timer);
          reject(unreachable(`the runtime ${why ?? 'closed the connection during the handshake'}`, DOCTOR));
          if (this.#wire === wire) this.#lost(why);
        },
      });
      this.#hello(wire);
    });
  }

  #hello(wire: Wire): void {
    const { version, token, claude_session, person } = this.#target;
    const who = {
      ...(token && { token }),
      ...(claude_session && { claude_session }),
      ...(person !== undefined && { person }),
    };
    wire.send({ method: 'yardmaster/hello', params: { bridge: this.#bridge, version, ...who } });
    const clientInfo = { name: 'yardmaster-cli', version };
    const params = { protocolVersion: PROTOCOL, capabilities: {}, clientInfo };
    wire.send({ id: 'initialize', method: 'initialize', params });
  }

  #receive(wire: Wire, message: Message): void {
    if (message.method !== undefined) answer(wire, message);
    const ours = message.method === undefined && typeof message.id === 'number';
    const pending = ours ? this.#settle(Number(message.id)) : undefined;
    if (message.error) pending?.reject(refusedBy(message.error));
    else pending?.resolve(message.result);
  }

  /** Invariant 2: what was sent once is sent again, what was sent twice fails; nonsense is not asked for twice. */
  #lost(nonsense: string | undefined): void {
    this.#wire = undefined;
    this.#gone();
    for (const [id, { sent }] of this.#pending)
      if (sent > 1 || this.#leaving || nonsense)
        this.#settle(id)?.reject(unreachable(`the runtime ${nonsense ?? 'went away during the request'}`, UNSURE));
    if (this.#pending.size > 0) this.#openOrFail();
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    clearTimeout(pending?.timer);
    this.#pending.delete(id);
    return pending;
  }

  #failAll(error: Error): void {
    for (const id of [...this.#pending.keys()]) this.#settle(id)?.reject(error);
  }
}

const INVALID_PARAMS = -32602;
const NOT_ALLOWED = -32010;
const DOCTOR = '`yardmaster doctor` says what is wrong.';
const UNSURE = 'What it acknowledged is kept; `yardmaster list` shows whether this was. Then repeat it.';

/** A refusal comes as text, as MCP wants it: structured content is for what fits the tool's output schema. */
function refusalIn(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function send(wire: Wire, pending: Pending): void {
  pending.sent++;
  wire.write(pending.line);
}

/** The runtime asks nothing of the command line but whether it lives. */
function answer(wire: Wire, { id, method }: Message): void {
  if (id === undefined || id === null) return;
  wire.send(method === 'ping' ? { id, result: {} } : { id, error: { code: -32601, message: 'not answered here' } });
}

function refusedBy({ code, message, data }: RpcError): Failure {
  // It understood, and says no: the arguments are wrong, or the caller may not do this.
  if (code === INVALID_PARAMS) return new Failure(EXIT.usage, message);
  if (code === NOT_ALLOWED || data?.hint !== undefined) return new Failure(EXIT.refused, message, data?.hint);
  return unreachable(
    `the runtime answered "${message}" (${code})`,
    'Compare `yardmaster --version` with `yardmaster status`.',
  );
}

function silent(method: string): Failure {
  return unreachable(`the runtime did not answer ${method} within ${PATIENCE_MS / 1_000} s`, UNSURE);
}
