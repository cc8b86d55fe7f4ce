import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../support/world.ts';
import { conversationsOf } from './conversations.ts';
import { bash } from './model/play.ts';
import type { LiveYard } from './yard.ts';

/** Work of three steps, each of which leaves a line; the second one waits until it is let through. */
export class CutWork {
  readonly #yard: LiveYard;
  readonly #log: string;
  readonly #gate: string;

  constructor(yard: LiveYard) {
    this.#yard = yard;
    this.#log = join(yard.shop, 'log');
    this.#gate = join(yard.shop, 'open');
  }

  async enqueue(more: Record<string, unknown> = {}): Promise<void> {
    const step = (name: string) => bash(`echo ${name} >> '${this.#log}'`);
    const opens = `until [ -e '${this.#gate}' ]; do command sleep 0.1; done; echo through`;
    const play = this.#yard.stage.put(
      'work',
      { uses: [step('one')] },
      { uses: [bash(`echo waits >> '${this.#log}'; ${opens}`)] },
      { uses: [step('two')] },
      { say: 'It is done.' },
    );
    await this.#yard.enqueue('work', `This is the work. ${play}`, { max_attempts: 3, ...more });
  }

  /** Claude Code writes a call down a moment after the tool began: killed before that, it knows nothing of it. */
  async waits(): Promise<void> {
    await until(() => this.steps().includes('waits'), 45_000);
    await until(() => conversationsOf(this.#yard.world.user).some((text) => text.includes('echo waits')), 10_000);
  }

  letThrough(): void {
    writeFileSync(this.#gate, '');
  }

  steps(): string[] {
    try {
      return readFileSync(this.#log, 'utf8').trim().split('\n');
    } catch {
      return [];
    }
  }
}
