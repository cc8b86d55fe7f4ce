import { join } from 'node:path';
import type { Report, SessionAgent } from '../../agents/agent.ts';
import { FileTooLarge, NotARegularFile } from '../../model/file-error.ts';
import { hear, NOTHING_TOLD, type Own, type Told } from '../../policy/session-state.ts';
import type { Files } from '../../ports.ts';
import { sessionFiles } from './run-record.ts';

/*
 * The reports of one attempt, folded.
 *
 * S1. The folder is the truth, a watch on it is a hint: a scan finds what no hint told of.
 * S2. Each report is folded once, in the order of the names. One that comes behind its place makes the fold begin again
 *     from the start, so that the state depends on the reports alone, never on when they were read.
 * S3. What it costs does not grow with what was told before: a hint that names a file has that file read alone, and a late
 *     report has the fold begin again a little before its place.
 * S4. What can't be read as a report is told once and stays where it is. Nothing is read past a bound.
 */

const MAX_REPORT = 20_000_000; // the prompt, or the whole input of a tool, is in it
const MAX_REPORTS = 100_000;
const SUFFIX = '.json';
const RECENT = 200;

export interface SpoolPorts {
  readonly files: Pick<Files, 'list' | 'read' | 'stat'>;
  readonly agent: Pick<SessionAgent, 'hear'>;
  readonly say: (level: 'warn', message: string, facts?: Readonly<Record<string, unknown>>) => void;
}

export class Spool {
  readonly #ports: SpoolPorts;
  readonly #dir: string;
  readonly #own: Own;
  readonly #after: string;
  readonly #seen = new Set<string>();
  readonly #broken = new Set<string>();
  /** Of files that hints have named; null: of some that they did not. */
  readonly #hinted = new Set<string | null>();
  /** The newest that were folded, and what was told before each. */
  #recent: { readonly name: string; readonly before: Told }[] = [];
  #last = '';
  #full = false;
  /** The fold was broken off: what is told is not whole. */
  #torn = false;
  told: Told = NOTHING_TOLD;

  /** `after`: only reports behind this one are looked at. */
  constructor(ports: SpoolPorts, run_dir: string, own: Own, after = '') {
    this.#ports = ports;
    this.#dir = sessionFiles(run_dir).hooks;
    this.#own = own;
    this.#after = after === '' ? '' : `${after}${SUFFIX}`;
  }

  /** A watch has told of this file, or of it knows not what. */
  hint(name: string | null): void {
    this.#hinted.add(name);
  }

  /** True when it has found something new. `hinted`: looks at what hints have told of alone. */
  async scan(which: 'all' | 'hinted' = 'all'): Promise<boolean> {
    const fresh = await this.#news(which === 'all' || this.#hinted.has(null) ? 'all' : [...this.#hinted]);
    const [first = ''] = fresh;
    if (first === '' && !this.#torn) return false;
    if (this.#torn || first < this.#last) await this.#refold(fresh);
    else for (const name of fresh) await this.#take(name);
    return true;
  }

  async #news(which: 'all' | readonly (string | null)[]): Promise<string[]> {
    this.#hinted.clear();
    const names = which === 'all' ? await this.#listed() : await this.#there(which);
    if (this.#seen.size + names.length <= MAX_REPORTS) return names.sort();
    if (!this.#full)
      this.#ports.say('warn', 'there are too many reports of an attempt; the later ones are not read', {
        dir: this.#dir,
      });
    this.#full = true;
    return [];
  }

  async #listed(): Promise<string[]> {
    const found = (await this.#ports.files.list(this.#dir)) ?? [];
    return found.flatMap(({ name, kind }) => (kind === 'file' && this.#isNew(name) ? [name] : []));
  }

  async #there(hinted: readonly (string | null)[]): Promise<string[]> {
    const names: string[] = [];
    for (const name of hinted) {
      if (name === null || !this.#isNew(name)) continue;
      if ((await this.#ports.files.stat(join(this.#dir, name)))?.kind === 'file') names.push(name);
    }
    return names;
  }

  #isNew(name: string): boolean {
    return name.endsWith(SUFFIX) && !name.startsWith('.') && name > this.#after && !this.#seen.has(name);
  }

  /** S2, S3 */
  async #refold(fresh: readonly string[]): Promise<void> {
    const [first = ''] = fresh;
    const from = this.#recent.findIndex(({ name }) => name > first);
    const place = from > 0 && !this.#torn ? this.#recent[from] : undefined;
    const again = place ? this.#recent.slice(from).map(({ name }) => name) : [...this.#seen];
    this.#torn = true;
    this.told = place?.before ?? NOTHING_TOLD;
    this.#recent = place ? this.#recent.slice(0, from) : [];
    this.#last = this.#recent.at(-1)?.name ?? '';
    for (const name of [...again, ...fresh].sort()) await this.#take(name);
    this.#torn = false;
  }

  async #take(name: string): Promise<void> {
    const report = await this.#read(name);
    const heard = report && this.#ports.agent.hear(report);
    this.#recent.push({ name, before: this.told });
    if (this.#recent.length > 2 * RECENT) this.#recent = this.#recent.slice(-RECENT);
    if (heard) this.told = hear(this.told, heard, this.#own);
    else this.#tell(name);
    this.#seen.add(name); // only now: a read that threw is made again
    if (name > this.#last) this.#last = name;
  }

  async #read(name: string): Promise<Report | undefined> {
    const path = join(this.#dir, name);
    const [stat, bytes] = [await this.#ports.files.stat(path), await this.#bytes(path)];
    if (stat === undefined || bytes === undefined) return undefined;
    return { name: name.slice(0, -SUFFIX.length), at: Math.floor(stat.mtimeMs), text: Buffer.from(bytes).toString() };
  }

  /** What is too large, or no plain file any more, is as good as broken; every other problem may pass. */
  async #bytes(path: string): Promise<Uint8Array | undefined> {
    try {
      return await this.#ports.files.read(path, MAX_REPORT);
    } catch (error) {
      if (isUnfit(error)) return undefined;
      throw error;
    }
  }

  /** S4 */
  #tell(name: string): void {
    if (this.#broken.has(name)) return;
    this.#broken.add(name);
    this.#ports.say('warn', 'a file among the reports of an agent is no report; it stays where it is', {
      file: join(this.#dir, name),
    });
  }
}

function isUnfit(error: unknown): boolean {
  return error instanceof FileTooLarge || error instanceof NotARegularFile;
}
