import type { Prices } from '../../model/provider.ts';
import type { ErrorClass } from '../../model/spec.ts';
import type { Used } from '../../model/usage.ts';
import { costOf } from '../../policy/prices.ts';
import type { JobLook } from '../../ports.ts';
import { answerOf, nameIn, quote } from './answers.ts';
import type { Counted, Piece } from './chat-chunk.ts';
import { type Complaint, knownTrouble } from './chat-trouble.ts';

/*
 * 1. An answer is whole when the model has said why it stopped, or the server that all was said. Whatever breaks after
 *    that breaks nothing.
 * 2. Half an answer is never passed off as one; what it took is told all the same.
 */

/** Why no more of it comes. */
export type Ending =
  /** The server said that this was all. */
  | { readonly kind: 'done' }
  | { readonly kind: 'closed'; readonly broken: string | undefined }
  | { readonly kind: 'silent'; readonly after_ms: number }
  | { readonly kind: 'error'; readonly complaint: Complaint }
  | { readonly kind: 'garbled'; readonly text: string }
  | { readonly kind: 'too_large'; readonly max_bytes: number }
  | { readonly kind: 'called_off' };

export interface Asked {
  readonly model: string;
  readonly key: string | undefined;
  readonly prices: Prices | undefined;
}

/** Why a model stops, where that is not because it had said all; as of November 2026. */
const STOPPED: Readonly<Record<string, 'cut' | 'filtered' | 'failed'>> = {
  length: 'cut',
  model_length: 'cut', // Mistral
  max_tokens: 'cut',
  content_filter: 'filtered',
  safety: 'filtered', // Gemini
  recitation: 'filtered',
  prohibited_content: 'filtered',
  error: 'failed', // OpenRouter, Mistral
  abort: 'failed', // vLLM
  insufficient_system_resource: 'failed', // DeepSeek
};

export class ChatAnswer {
  readonly #asked: Asked;
  #text = '';
  #bytes = 0;
  #thought = 0;
  #refusal = '';
  #calls = false;
  #finish: string | undefined;
  #model: string | undefined;
  #counted: Counted | undefined;

  constructor(asked: Asked) {
    this.#asked = asked;
  }

  take(piece: Piece): void {
    this.#text += piece.text;
    this.#bytes += Buffer.byteLength(piece.text) + Buffer.byteLength(piece.refusal);
    this.#thought += piece.thought;
    this.#refusal += piece.refusal; // a key that is cut in two would not be known in a reason
    this.#calls ||= piece.calls;
    this.#finish = piece.finish ?? this.#finish;
    this.#model = piece.model ?? this.#model;
    this.#counted = piece.usage ?? this.#counted; // those that come again and again count from the start
  }

  get bytes(): number {
    return this.#bytes;
  }

  status(): string {
    if (this.#text !== '') return `answering, ${this.#text.length.toLocaleString('en')} characters`;
    if (this.#thought > 0) return `thinking, ${this.#thought.toLocaleString('en')} characters`;
    return 'waiting for its first words';
  }

  /** What became of the job. */
  judge(ending: Ending): JobLook {
    switch (ending.kind) {
      case 'done':
        return this.#whole();
      case 'closed':
        if (this.#finish !== undefined) return this.#whole(); // 1
        return this.#failed('crash', `${this.#soFar()}, then the connection ${brokenAs(ending.broken)}`);
      case 'silent':
        if (this.#finish !== undefined) return this.#whole(); // 1
        return this.#failed('timeout', this.#silence(Math.round(ending.after_ms / 100) / 10));
      case 'error':
        if (this.#finish !== undefined) return this.#whole(); // 1
        return this.#told(ending.complaint);
      case 'garbled':
        return this.#failed('crash', `${this.#soFar()}, then something that is not an answer: ${ending.text}`);
      case 'too_large':
        return this.#failed('upstream', `the answer has more than ${ending.max_bytes} bytes`);
      case 'called_off':
        return this.#failed('stopped', `cancelled: the connection was closed; ${this.#soFar()}`);
    }
  }

  #whole(): JobLook {
    const { model } = this.#asked;
    const finish = this.#finish?.toLowerCase() ?? '';
    const stopped = Object.hasOwn(STOPPED, finish) ? STOPPED[finish] : undefined;
    if (stopped === 'filtered')
      return this.#failed('upstream', `${model}: the answer was stopped by a content filter (${finish})`);
    if (stopped === 'failed') return this.#failed('crash', `${this.#soFar()}, then it was broken off (${finish})`);
    if (this.#calls)
      return this.#failed('upstream', `${model} called a tool instead of answering, and it was offered none`);
    const response = answerOf(this.#text, this.#asked.key);
    const truncated = stopped === 'cut';
    if (response.trim() === '') return this.#failed('upstream', this.#whyEmpty(truncated));
    return { kind: 'completed', response, ...this.#used(), ...(truncated && { truncated }) };
  }

  #whyEmpty(truncated: boolean): string {
    const { model } = this.#asked;
    if (this.#refusal !== '') return `${model} refused: ${this.#refusal}`;
    if (truncated) return `${model} reached its limit of tokens before it said anything (it may have been thinking)`;
    return `${model} answered nothing; some servers do this when a prompt is longer than their context`;
  }

  #told(complaint: Complaint): JobLook {
    const { status, message } = complaint;
    const error_class = knownTrouble(complaint) ?? classOf(status);
    return this.#failed(error_class, `${this.#soFar()}, then the server said: ${message || 'error'}`);
  }

  #failed(error_class: ErrorClass, reason: string): JobLook {
    const used: Used = this.#used();
    const told = Object.keys(used).some((name) => name !== 'model');
    return { kind: 'failed', class: error_class, reason: quote(reason, this.#asked.key), ...(told && { used }) };
  }

  #used() {
    const { tokens, usage, cost_usd } = this.#counted ?? {};
    const { prices, key } = this.#asked;
    const model = nameIn(this.#model, key) ?? this.#asked.model;
    const named = cost_usd === undefined ? undefined : { amount: cost_usd, currency: 'USD' };
    // The server's name for what was asked may be longer (with a date): a table has either.
    const cost = named ?? (usage && (costOf(prices, model, usage) ?? costOf(prices, this.#asked.model, usage)));
    return { model, ...(tokens !== undefined && { tokens }), ...(usage && { usage }), ...(cost && { cost }) };
  }

  #silence(seconds: number): string {
    if (this.#text === '') return `${this.#asked.model} said nothing for ${seconds} s`;
    return `${this.#soFar()}, then nothing for ${seconds} s`;
  }

  #soFar(): string {
    if (this.#text === '') return `${this.#asked.model} said nothing`;
    return `${this.#asked.model} had said ${this.#text.length.toLocaleString('en')} characters`;
  }
}

/** Of an error that an answer ended with, where its words do not tell. */
function classOf(status: number | undefined): ErrorClass {
  if (status === 429 || status === 503 || status === 529) return 'rate_limit';
  return status !== undefined && status < 500 && status !== 408 ? 'upstream' : 'crash';
}

function brokenAs(broken: string | undefined): string {
  return broken === undefined ? 'ended without the end of the answer' : `broke: ${broken}`;
}
