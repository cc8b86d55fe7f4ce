import { z } from 'zod';
import { readJson } from '../../conversations/read-json.ts';
import { BLOCKED_ON, type BlockedOn } from '../../model/session.ts';
import type { Files } from '../../ports.ts';
import { sessionFiles } from './run-record.ts';

const Kept = z.object({
  total_ms: z.number(),
  /** What it waits for now. */
  now: z
    .object({
      on: z.enum(BLOCKED_ON),
      since: z.number(),
      /** When it was last asked to go on, and how often. */
      asked_at: z.number().exactOptional(),
      asked: z.number(),
    })
    .exactOptional(),
  /** A person has refused a tool. */
  refused: z.boolean(),
});
type Kept = z.infer<typeof Kept>;

/** How long an attempt has waited for somebody, kept in its run directory: a restart neither forgets it nor tells it again. */
export class BlockedTime {
  readonly #files: Pick<Files, 'read' | 'replace'>;
  readonly #path: string;
  #kept: Kept = { total_ms: 0, refused: false };

  constructor(files: Pick<Files, 'read' | 'replace'>, run_dir: string) {
    this.#files = files;
    this.#path = sessionFiles(run_dir).blocked;
  }

  async load(): Promise<void> {
    this.#kept = (await readJson(this.#files, this.#path, Kept)) ?? this.#kept;
  }

  get now(): Kept['now'] {
    return this.#kept.now;
  }

  get refused(): boolean {
    return this.#kept.refused;
  }

  /** What does not count against the TTL, up to now. */
  total(now: number): number {
    const { total_ms, now: current } = this.#kept;
    return total_ms + (current ? Math.max(0, now - current.since) : 0);
  }

  async enter(on: BlockedOn, since: number): Promise<void> {
    await this.#keep({ ...this.#over(since), now: { on, since, asked: 0 } });
  }

  async leave(at: number): Promise<void> {
    await this.#keep(this.#over(at));
  }

  /** Before the words are sent: they are never sent twice. */
  async asksToGoOn(at: number): Promise<void> {
    const { now } = this.#kept;
    if (now) await this.#keep({ ...this.#kept, now: { ...now, asked_at: at, asked: now.asked + 1 } });
  }

  /** Nothing of the words was sent. */
  async wasNotAsked(): Promise<void> {
    const { now } = this.#kept;
    if (!now) return;
    const { asked_at: _, ...before } = now;
    await this.#keep({ ...this.#kept, now: { ...before, asked: now.asked - 1 } });
  }

  async refusedATool(): Promise<void> {
    if (!this.#kept.refused) await this.#keep({ ...this.#kept, refused: true });
  }

  #over(at: number): Kept {
    return { total_ms: this.total(at), refused: this.#kept.refused };
  }

  async #keep(kept: Kept): Promise<void> {
    this.#kept = kept;
    await this.#files.replace(this.#path, Buffer.from(`${JSON.stringify(kept)}\n`));
  }
}
