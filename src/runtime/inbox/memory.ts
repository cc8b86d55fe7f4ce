import type { FileStat } from '../ports.ts';
import { signature } from './arrival.ts';

/** What a scan remembers for the next one: a few numbers per file, dropped when the file is gone. */
export class InboxMemory {
  /** Files that were dealt with, by name: looked at again only when they change. */
  readonly #known = new Map<string, string>();
  /** Files that are not complete yet: looked at in every scan. */
  readonly #waiting = new Map<string, { signature: string; since: number }>();
  /** Older than the project's adoption: they wait for a person. */
  readonly #leftAlone = new Set<string>();
  readonly #said = new Set<string>();

  isKnown(name: string): boolean {
    return this.#known.has(name);
  }

  isUnchanged(name: string, stat: FileStat): boolean {
    return this.#known.get(name) === signature(stat);
  }

  know(name: string, stat: FileStat): void {
    this.#known.set(name, signature(stat));
    this.#waiting.delete(name);
  }

  leaveAlone(name: string, stat: FileStat): void {
    this.know(name, stat);
    this.#leftAlone.add(name);
  }

  /** A person wants them after all: they are new again. */
  takeUpLeftAlone(): void {
    for (const name of this.#leftAlone) this.#known.delete(name);
    this.#leftAlone.clear();
  }

  /** Since when the file has looked like this. */
  waitingSince(name: string, stat: FileStat, now: number): number {
    const before = this.#waiting.get(name);
    if (before?.signature === signature(stat)) return before.since;
    this.#waiting.set(name, { signature: signature(stat), since: now });
    return now;
  }

  isWaiting(name: string): boolean {
    return this.#waiting.has(name);
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  forget(name: string): void {
    this.#known.delete(name);
    this.#waiting.delete(name);
    this.#leftAlone.delete(name);
  }

  /** Drops what is not listed any more; the names of known files among it. */
  forgetAllBut(listed: ReadonlySet<string>): string[] {
    const gone = [...this.#known.keys()].filter((name) => !listed.has(name) && !this.#leftAlone.has(name));
    for (const map of [this.#known, this.#waiting, this.#leftAlone])
      for (const name of map.keys()) if (!listed.has(name)) map.delete(name);
    for (const said of this.#said) if (!listed.has(said.slice(said.indexOf(' ') + 1))) this.#said.delete(said);
    return gone;
  }

  /** True the first time; a name is reported once for as long as it is there. */
  firstTime(code: string, name: string): boolean {
    const said = `${code} ${name}`;
    if (this.#said.has(said)) return false;
    this.#said.add(said);
    return true;
  }
}
