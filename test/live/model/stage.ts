import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { deliver } from './deliver.ts';
import type { Play, Turn } from './play.ts';
import { type Json, list, textOf } from './script.ts';

/** One question that an agent put to the service. */
export interface Seen {
  readonly at: number;
  readonly conversation: string;
  /** Everything under the user's name that is no answer of a tool, as it came. */
  readonly prompts: readonly string[];
  /** What its program told it between two steps: so come messages while it works. */
  readonly notes: readonly string[];
  readonly play?: string;
  readonly step: number;
  /** With which account. */
  readonly account: string;
  readonly model: string;
}

/**
 * A Messages API on loopback for many conversations at once. The prompt names what is played (`play:<name>`); which turn
 * it is, is told by the number of answers that follow that prompt. So it keeps no conversation: resumed, killed, asked
 * again, each gets its own next turn. A prompt without a play is heard and understood.
 */
export class Stage {
  readonly seen: Seen[] = [];
  readonly #plays = new Map<string, Play>();
  readonly #times = new Map<string, number>();
  readonly #server: Server;
  #failure: unknown;

  private constructor() {
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  static async open(): Promise<Stage> {
    const stage = new Stage();
    await new Promise<void>((resolve) => stage.#server.listen(0, '127.0.0.1', resolve));
    return stage;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** What a prompt has to hold to be answered so. */
  put(name: string, ...play: Play): string {
    this.#plays.set(name, play);
    return `play:${name}.`;
  }

  /** How many prompts of all conversations have held this text, however often they were sent along. */
  reached(text: string): number {
    const most = new Map<string, number>();
    for (const { conversation, prompts } of this.seen) {
      const count = prompts.filter((prompt) => prompt.includes(text)).length;
      most.set(conversation, Math.max(most.get(conversation) ?? 0, count));
    }
    return [...most.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Ends it; throws what a scene threw. */
  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', 'http://loopback');
    const body = await bodyOf(request);
    if (pathname.endsWith('/count_tokens')) return void response.end('{"input_tokens":100}');
    if (request.method !== 'POST' || pathname !== '/v1/messages') return void response.end('{"data":[]}');
    try {
      const turn = aside(body) ?? (await this.#next(body, request));
      await (typeof turn.wait === 'number' ? sleep(turn.wait) : turn.wait);
      await deliver(turn, response, { streamed: body.stream === true, model: String(body.model) });
    } catch (error) {
      this.#failure ??= error;
      response.destroy();
    }
  }

  async #next(body: Json, { headers }: IncomingMessage): Promise<Turn> {
    const messages = list(body.messages);
    const conversation = String(headers['x-claude-code-session-id'] ?? '');
    const place = placeIn(messages);
    this.seen.push({
      at: Date.now(),
      conversation,
      prompts: messages.flatMap(promptsOf),
      notes: messages.filter(({ role }) => role === 'system').map(({ content }) => textOf(content)),
      ...(place && { play: place.play }),
      step: place?.step ?? 0,
      account: String(headers['x-api-key'] ?? headers.authorization ?? ''),
      model: String(body.model),
    });
    const play = place && this.#plays.get(place.play);
    const scene = play?.[place?.step ?? 0];
    if (place === undefined || play === undefined || scene === undefined) return { say: 'Understood.' };
    const key = `${conversation} ${place.play} ${place.step}`;
    const time = (this.#times.get(key) ?? 0) + 1;
    this.#times.set(key, time);
    const answers = messages.slice(place.at).flatMap(answersOf);
    return typeof scene === 'function' ? scene({ conversation, time, answers }) : scene;
  }
}

/** What the program asks for beside its conversations. */
function aside({ tools, max_tokens, messages, system }: Json): Turn | undefined {
  const last = list(messages).findLast(({ role }) => role === 'user');
  const words = textOf(last?.content);
  if (max_tokens === 1) return { say: '.' };
  if (words.includes('[SUGGESTION MODE')) return { say: 'go on' };
  if (/create a detailed summary of (the|this) conversation/.test(words)) return { say: '<summary>So far.</summary>' };
  if (list(tools).length > 0) return undefined;
  return { say: /title/i.test(textOf(system)) ? '{"title": "Work"}' : 'ok' };
}

function promptsOf({ role, content }: Json): string[] {
  if (role !== 'user') return [];
  if (typeof content === 'string') return [content];
  return list(content)
    .filter(({ type }) => type === 'text')
    .map(({ text }) => String(text));
}

function answersOf({ content }: Json): { text: string; isError: boolean }[] {
  return list(content)
    .filter(({ type }) => type === 'tool_result')
    .map(({ content: said, is_error }) => ({ text: textOf(said), isError: is_error === true }));
}

/** A resumed conversation gets this from its program, not from the model. */
const SYNTHETIC = 'No response requested.';

function placeIn(messages: readonly Json[]): { play: string; step: number; at: number } | undefined {
  const at = messages.findLastIndex((message) => promptsOf(message).some(isPlayed));
  if (at < 0) return undefined;
  const prompt = promptsOf(messages[at] ?? {}).findLast(isPlayed) ?? '';
  const since = messages.slice(at + 1).filter(({ role }) => role === 'assistant');
  const step = since.filter(({ content }) => textOf(content) !== SYNTHETIC).length;
  return { play: /play:([\w-]+)/.exec(prompt)?.[1] ?? '', step, at };
}

function isPlayed(prompt: string): boolean {
  return /play:[\w-]+/.test(prompt);
}

async function bodyOf(request: IncomingMessage): Promise<Json> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  return text === '' ? {} : (JSON.parse(text) as Json);
}
