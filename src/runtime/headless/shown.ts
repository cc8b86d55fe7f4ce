import type { Progress } from '../agents/headless.ts';
import { plainText } from '../model/plain-text.ts';

/* What a run shows, as people read it: what its agent says, and which tools it uses. */

const LONGEST = 4_000; // characters of one message or use of a tool
const MOST_CHARACTERS = 128_000;

export function progressText({ by, text }: Progress): string {
  const plain = plainText(text.slice(0, 2 * LONGEST)).trimEnd();
  const cut = plain.length > LONGEST || text.length > 2 * LONGEST;
  return `[${by}] ${cut ? `${plain.slice(0, LONGEST)} […]` : plain}`;
}

/** The newest of it: however long a run goes on, what is kept stays small. */
export class Shown {
  #texts: string[] = [];
  #size = 0;
  #count = 0;
  last: Progress | undefined;

  readonly add = (progress: Progress): void => {
    const text = progressText(progress);
    this.last = { by: progress.by, text: progress.text.slice(0, LONGEST) };
    this.#count += 1;
    this.#texts.push(text);
    this.#size += text.length;
    if (this.#size > 2 * MOST_CHARACTERS) this.#forget();
  };

  get any(): boolean {
    return this.#count > 0;
  }

  get text(): string {
    return this.#texts.map((text) => `${text}\n`).join('');
  }

  #forget(): void {
    let from = 0;
    while (this.#size > MOST_CHARACTERS) this.#size -= this.#texts[from++]?.length ?? 0;
    this.#texts = this.#texts.slice(from);
  }
}
