import type { FinishedTask } from '../model/task.ts';
import type { Clock } from '../ports.ts';
import type { Amendment } from './finished-file.ts';
import type { FinishedIndex } from './finished-index.ts';
import type { Page, PageQuery } from './finished-page.ts';
import { fits } from './finished-rows.ts';
import type { Ground } from './ground.ts';

const RETRY_MS = 1_000;

/**
 * The index of finished tasks, as the queue uses it: what a full disk refuses is kept, shown and tried again, in order;
 * until it is there the journal may not forget it.
 */
export class FinishedList {
  readonly #index: FinishedIndex;
  readonly #clock: Clock;
  readonly #say: Ground['say'];
  #owed: (FinishedTask | Amendment)[] = [];
  #writing: Promise<void> | undefined;
  #retry: (() => void) | undefined;

  constructor(index: FinishedIndex, clock: Clock, say: Ground['say']) {
    this.#index = index;
    this.#clock = clock;
    this.#say = say;
  }

  /** In the order of the journal. */
  append(lines: readonly (FinishedTask | Amendment)[]): void {
    this.#owed.push(...lines);
    void this.#write();
  }

  /** After this the journal may forget what is listed. */
  async sync(): Promise<void> {
    await this.#write();
    if (this.#owed.length > 0) throw new Error('finished tasks could not be listed yet');
    await this.#index.sync();
  }

  async page(query: PageQuery): Promise<Page> {
    await this.#write();
    if (query.cursor !== undefined || this.#owed.length === 0) return this.#index.page(query);
    const { wanted = {}, filter = () => true, until = () => false } = query;
    const owed = this.#owed.flatMap((line) => ('amend' in line ? [] : [line]));
    const page = await this.#index.page(query);
    const shown = owed.toReversed().filter((task) => fits(wanted, task) && filter(task) && !until(task));
    return { ...page, tasks: [...shown, ...page.tasks] };
  }

  async close(): Promise<void> {
    this.#retry?.();
    await this.#write();
    this.#retry?.();
    await this.#index.close();
  }

  #write(): Promise<void> {
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  async #writeAll(): Promise<void> {
    while (this.#owed.length > 0) {
      const count = this.#owed.length;
      try {
        await this.#index.append(this.#owed.slice(0, count));
      } catch (error) {
        this.#say('warn', 'finished tasks could not be listed yet', { error: String(error) });
        this.#tryAgain();
        return;
      }
      this.#owed = this.#owed.slice(count);
    }
  }

  #tryAgain(): void {
    this.#retry?.();
    this.#retry = this.#clock.after(RETRY_MS, () => void this.#write());
  }
}
