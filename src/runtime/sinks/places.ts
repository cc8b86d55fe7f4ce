import { join } from 'node:path';
import { z } from 'zod';
import type { Files } from '../ports.ts';
import { replaceDurably } from '../store/durably.ts';

/*
 * How far each webhook has been told: a folder by its name, a file in it that is replaced whole. The folder is made first,
 * so that a file that was lost is not taken for a sink that is new.
 */

const Gap = z.object({ from: z.number(), to: z.number(), count: z.number(), why: z.string() });

/** All records up to `seq` are dealt with, and the first `part` events of the next one. */
export const Place = z.object({
  journal: z.string(),
  seq: z.number().int().nonnegative(),
  part: z.number().int().nonnegative(),
  /** A gap that it is still to be told, before anything else. */
  owed: Gap.optional(),
  missed: z.number().int().nonnegative(),
  last_gap: Gap.optional(),
});
export type Place = z.infer<typeof Place>;

export type FoundPlace =
  | { readonly kind: 'found'; readonly place: Place }
  | { readonly kind: 'new' }
  | { readonly kind: 'lost'; readonly why: string };

const MAX_BYTES = 65_536;

export class Places {
  readonly #files: Files;
  readonly #root: string;

  constructor(files: Files, root: string) {
    this.#files = files;
    this.#root = root;
  }

  async read(name: string): Promise<FoundPlace> {
    const known = (await this.#files.list(join(this.#root, name))) !== undefined;
    if (!known) return { kind: 'new' };
    try {
      const bytes = await this.#files.read(this.#path(name), MAX_BYTES);
      if (bytes === undefined) return { kind: 'lost', why: 'the file is gone' };
      return { kind: 'found', place: Place.parse(JSON.parse(Buffer.from(bytes).toString())) };
    } catch {
      return { kind: 'lost', why: 'the file can not be read' };
    }
  }

  async write(name: string, place: Place): Promise<void> {
    await this.#files.makeDir(join(this.#root, name));
    await replaceDurably(this.#files, this.#path(name), [Buffer.from(`${JSON.stringify(place)}\n`)]);
  }

  #path(name: string): string {
    return join(this.#root, name, 'place.json');
  }
}
