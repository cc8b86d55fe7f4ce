import { type Answered, type LinkOptions, type Start, SupervisorLink } from './supervisor-link.ts';

export interface SupervisorsOptions extends LinkOptions {
  /** How long one without runs is kept. */
  readonly idleMs: number;
}

/** The supervisor that new runs go to: started with the first run, replaced when it is no more, let go when idle. */
export class Supervisors {
  readonly #options: SupervisorsOptions;
  #link: SupervisorLink | undefined;
  #idle: NodeJS.Timeout | undefined;

  constructor(options: SupervisorsOptions) {
    this.#options = options;
  }

  start(order: Start): Promise<Answered> {
    if (!this.#link?.usable) this.#link = new SupervisorLink(this.#options);
    this.#idle ??= setInterval(() => this.#letGo(), this.#options.idleMs).unref();
    return this.#link.start(order);
  }

  /** The runs go on, with their supervisor. */
  close(): void {
    clearInterval(this.#idle);
    this.#idle = undefined;
    this.#link?.close();
    this.#link = undefined;
  }

  #letGo(): void {
    if (!this.#link?.busy) this.close();
  }
}
