import type { ChatAnswer, Ending } from './chat-answer.ts';
import { type Piece, understand } from './chat-chunk.ts';
import { ServerEvents } from './chat-events.ts';
import { complaintOf } from './chat-trouble.ts';

/** What some bytes meant: the end, words of the model (also those it only thinks), an empty sign of life, or nothing. */
export type Heard = Ending | 'words' | 'life' | 'nothing';

export interface Reading {
  data(chunk: Buffer): Heard;
  end(broken: string | undefined): Ending;
}

export interface Bounds {
  /** Of the answer itself, and of one event of it. */
  readonly answer_bytes: number;
  /** Of everything that is sent for it: a word comes in a wrapping that is many times its size. */
  readonly stream_bytes: number;
}

/** Events where they were promised, or where the first byte does not look like JSON: some servers name no type. */
export function readingOf(answer: ChatAnswer, type: string, bounds: Bounds): Reading {
  if (/^text\/event-stream\b/i.test(type)) return new EventReading(answer, bounds);
  if (/^application\/([a-z.+-]+\+)?json\b/i.test(type)) return new WholeReading(answer, bounds);
  return new UntypedReading(answer, bounds);
}

/** An answer word by word. */
class EventReading implements Reading {
  readonly #answer: ChatAnswer;
  readonly #bounds: Bounds;
  readonly #events: ServerEvents;
  #size = 0;

  constructor(answer: ChatAnswer, bounds: Bounds) {
    this.#answer = answer;
    this.#bounds = bounds;
    this.#events = new ServerEvents(bounds.answer_bytes);
  }

  data(chunk: Buffer): Heard {
    this.#size += chunk.length;
    const heard = this.#take(this.#events.push(chunk));
    return typeof heard === 'string' && this.#large() ? tooLarge(this.#bounds) : heard;
  }

  end(broken: string | undefined): Ending {
    const heard = this.#take(broken === undefined ? this.#events.end() : []);
    // A piece that was cut in two is garbled only because the connection ended.
    return typeof heard === 'string' || heard.kind === 'garbled' ? { kind: 'closed', broken } : heard;
  }

  #take(events: ReturnType<ServerEvents['push']>): Heard {
    let heard: Heard = 'nothing';
    for (const { event, data } of events) {
      if (data.trim() === '[DONE]') return { kind: 'done' };
      const given = understand(data);
      if (event === 'error' && given.kind !== 'error') return { kind: 'error', complaint: complaintOf(parsed(data)) };
      if (given.kind === 'error') return { kind: 'error', complaint: complaintOf(given.error) };
      if (given.kind === 'garbled') return { kind: 'garbled', text: data };
      this.#answer.take(given.piece);
      if (heard !== 'words') heard = hasWords(given.piece) ? 'words' : 'life';
    }
    return heard;
  }

  #large(): boolean {
    const { answer_bytes, stream_bytes } = this.#bounds;
    return this.#answer.bytes > answer_bytes || this.#size > stream_bytes || this.#events.too_large;
  }
}

/** An answer in one piece of JSON. Its bytes are no sign of life: only all of it is an answer. */
class WholeReading implements Reading {
  readonly #answer: ChatAnswer;
  readonly #bounds: Bounds;
  readonly #chunks: Buffer[] = [];
  #size = 0;

  constructor(answer: ChatAnswer, bounds: Bounds) {
    this.#answer = answer;
    this.#bounds = bounds;
  }

  data(chunk: Buffer): Heard {
    this.#size += chunk.length;
    if (this.#size > this.#bounds.answer_bytes) return tooLarge(this.#bounds);
    this.#chunks.push(chunk);
    return 'nothing';
  }

  end(broken: string | undefined): Ending {
    if (broken !== undefined) return { kind: 'closed', broken };
    const text = Buffer.concat(this.#chunks).toString('utf8');
    const given = understand(text);
    if (given.kind === 'error') return { kind: 'error', complaint: complaintOf(given.error) };
    if (given.kind === 'garbled') return { kind: 'garbled', text };
    this.#answer.take(given.piece);
    return { kind: 'done' };
  }
}

class UntypedReading implements Reading {
  readonly #answer: ChatAnswer;
  readonly #bounds: Bounds;
  #reading: Reading | undefined;

  constructor(answer: ChatAnswer, bounds: Bounds) {
    this.#answer = answer;
    this.#bounds = bounds;
  }

  data(chunk: Buffer): Heard {
    if (!this.#reading) {
      const first = /[^\s\ufeff]/.exec(chunk.toString('utf8'))?.[0];
      if (first === undefined) return 'nothing';
      const Kind = first === '{' || first === '[' ? WholeReading : EventReading;
      this.#reading = new Kind(this.#answer, this.#bounds);
    }
    return this.#reading.data(chunk);
  }

  end(broken: string | undefined): Ending {
    return this.#reading?.end(broken) ?? { kind: 'closed', broken };
  }
}

function hasWords({ text, thought, refusal, calls, finish }: Piece): boolean {
  return text !== '' || thought > 0 || refusal !== '' || calls || finish !== undefined;
}

function tooLarge({ answer_bytes }: Bounds): Ending {
  return { kind: 'too_large', max_bytes: answer_bytes };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
