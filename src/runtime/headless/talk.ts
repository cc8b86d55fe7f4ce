import type { HeadlessAgent, Progress } from '../agents/headless.ts';
import { type Refusal, refuse } from '../model/refusal.ts';
import type { Clock, HeldPipe } from '../ports.ts';
import { squeezed } from '../sessions/typing/wording.ts';

/*
 * What is said to an agent that listens while it works, and when it has nothing more to hear.
 *
 * T1. Its input is closed when it has answered all that it was told, and only then: at the end of it the agent ends.
 * T2. A message is delivered when the stream shows that it was taken in; nothing is ever sent twice.
 */

/** Without a sign that a message was taken in, an idle agent is waited for no longer. */
const HEARD_IN_MS = 20_000;
const CONFIRM_MS = 8_000;
const COMPARED = 120; // characters: the stream may show less than all of it
const LEAD = 'A message from the owner of this task: ';

export const CLOSED_BY_RESTART = 'its input was closed when the runtime before this one ended; it goes on without it';
const ENDING = 'it has done all that it was told, and ends';

type Listener = Pick<HeadlessAgent, 'message' | 'interrupt' | 'program'>;

interface Unheard {
  readonly text: string;
  readonly at: number;
  readonly heard: () => void;
}

export class Talk {
  readonly #clock: Clock;
  readonly #agent: Listener;
  #pipe: HeldPipe | undefined;
  #closed: string;
  #unheard: Unheard[] = [];

  constructor(clock: Clock, agent: Listener, pipe: HeldPipe | undefined, without: string) {
    this.#clock = clock;
    this.#agent = agent;
    this.#pipe = pipe;
    this.#closed = without;
  }

  get isOpen(): boolean {
    return this.#pipe !== undefined;
  }

  async message(text: string): Promise<{ verdict: 'delivered' | 'unconfirmed'; detail?: string } | Refusal> {
    const words = /^[\p{L}\p{N}"'(]/u.test(text) ? text : `${LEAD}${text}`; // a slash would be a command
    const line = this.#agent.message?.(words);
    if (line === undefined || this.#pipe === undefined) return this.#deaf();
    const confirmed = this.#confirmation(words);
    if ((await this.#pipe.write(line)) === 'closed') {
      this.#closed = 'it listens no more';
      return this.#deaf();
    }
    if (await confirmed) return { verdict: 'delivered' };
    return { verdict: 'unconfirmed', detail: 'it is on its input; the agent takes it in between two steps' };
  }

  /** Its words are on the way into its input: whether they were taken in is not waited for. */
  async say(words: string): Promise<void> {
    const line = this.#agent.message?.(words);
    if (line === undefined || this.#pipe === undefined) return;
    void this.#confirmation(words);
    await this.#pipe.write(line);
  }

  async interrupt(id: string): Promise<'asked' | Refusal> {
    const line = this.#agent.interrupt?.(id);
    if (line === undefined || this.#pipe === undefined) return this.#deaf();
    return (await this.#pipe.write(line)) === 'written' ? 'asked' : this.#deaf();
  }

  /** T2 */
  heard({ by, text }: Progress): void {
    if (by !== 'user' || this.#unheard.length === 0) return;
    const shown = squeezed(text);
    const found = this.#unheard.find((one) => shown.includes(one.text));
    if (!found) return;
    this.#unheard = this.#unheard.filter((one) => one !== found);
    found.heard();
  }

  /** T1. When it is to be looked at again, where that is for time to say. */
  async idle(): Promise<number | undefined> {
    if (this.#pipe === undefined) return undefined;
    const newest = Math.max(0, ...this.#unheard.map(({ at }) => at)) + HEARD_IN_MS;
    if (newest > this.#clock.now()) return newest;
    await this.close(ENDING);
    return undefined;
  }

  async close(why = ENDING): Promise<void> {
    const pipe = this.#pipe;
    this.#pipe = undefined;
    this.#closed = why;
    await pipe?.close();
  }

  #confirmation(words: string): Promise<boolean> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(CONFIRM_MS, () => resolve(false));
      const heard = () => {
        cancel();
        resolve(true);
      };
      this.#unheard.push({ text: squeezed(words).slice(0, COMPARED), at: this.#clock.now(), heard });
    });
  }

  #deaf(): Refusal {
    const { program } = this.#agent;
    const why = this.#agent.message === undefined ? `${program} without a terminal takes no messages` : this.#closed;
    return refuse(
      'not_possible',
      `nothing was sent: ${why}`,
      'let it finish and enqueue_task with continues what is to follow, or cancel_task and enqueue the better text',
    );
  }
}
