import { LONGEST_TIMER_MS } from '../../model/duration.ts';
import type { JobLook } from '../../ports.ts';
import type { ChatAnswer, Ending } from './chat-answer.ts';
import type { OwnJob } from './chat-jobs.ts';
import type { Heard, Reading } from './chat-reading.ts';
import type { Incoming } from './open-exchange.ts';

export interface Patience {
  /** Until the first words of the model. */
  readonly first_ms: number;
  /** Between two of them. */
  readonly stall_ms: number;
}

/** One answer on its way, read in the background until it ends. */
export class ChatJob implements OwnJob {
  /** Settles when a look tells the end. */
  readonly ended: Promise<void>;
  readonly #body: Incoming;
  readonly #answer: ChatAnswer;
  readonly #stall_ms: number;
  #deadline: NodeJS.Timeout;
  #alive = false;
  #end: JobLook | undefined;
  #told: () => void = () => undefined;

  constructor(body: Incoming, answer: ChatAnswer, reading: Reading, { first_ms, stall_ms }: Patience) {
    this.#body = body;
    this.#answer = answer;
    this.#stall_ms = stall_ms;
    this.ended = new Promise((resolve) => {
      this.#told = resolve;
    });
    this.#deadline = this.#within(first_ms);
    body.read({
      data: (chunk) => this.#hear(reading.data(chunk)),
      end: (broken) => this.#finish(reading.end(broken)),
    });
  }

  look(): JobLook {
    return this.#end ?? { kind: 'active', status: this.#answer.status() };
  }

  /** Closes the connection: whoever answers sees it and can stop. */
  callOff(): void {
    this.#finish({ kind: 'called_off' });
  }

  #hear(heard: Heard): void {
    if (heard === 'nothing') return;
    if (typeof heard === 'object') this.#finish(heard);
    else if (heard === 'words' && !this.#alive) this.#begin();
    else this.#deadline.refresh();
  }

  #begin(): void {
    this.#alive = true;
    clearTimeout(this.#deadline);
    this.#deadline = this.#within(this.#stall_ms);
  }

  #finish(ending: Ending): void {
    if (this.#end) return;
    this.#end = this.#answer.judge(ending);
    clearTimeout(this.#deadline);
    this.#body.close();
    this.#told();
  }

  #within(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.#finish({ kind: 'silent', after_ms: ms }), Math.min(ms, LONGEST_TIMER_MS));
  }
}
