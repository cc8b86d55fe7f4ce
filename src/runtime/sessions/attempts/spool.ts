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
 * S3. What can't be read as a report is told once and stays where it is. Nothing is read past a bound.
 */

const MAX_REPORT = 20_000_000; // the prompt, or the whole input of a tool, is in it
const MAX_REPORTS = 100_000;
const SUFFIX = '.json';

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
  #last = '';
  #full = false;
  told: Told = NOTHING_TOLD;

  /** `after`: only reports behind this one are looked at. */
  constructor(ports: SpoolPorts, run_dir: string, own: Own, after = '') {
    this.#ports = ports;
    this.#dir = sessionFiles(run_dir).hooks;
    this.#own = own;
    this.#after = after === '' ? '' : `${after}${SUFFIX}`;
  }

  /** True when it has found something new. */
  async scan(): Promise<boolean> {
    const fresh = await this.#news();
    const [first] = fresh;
    if (first === undefined) return false;
    if (first < this.#last) await this.#refold(fresh);
    else for (const name of fresh) await this.#take(name);
    return true;
  }

  async #news(): Promise<string[]> {
    const found = (await this.#ports.files.list(this.#dir)) ?? [];
    const names = found.flatMap(({ name, kind }) => (kind === 'file' && this.#isNew(name) ? [name] : []));
    if (this.#seen.size + names.length <= MAX_REPORTS) return names.sort();
    if (!this.#full)
      this.#ports.say('warn', 'there are too many reports of an attempt; the later ones are not read', {
        dir: this.#dir,
      });
    this.#full = true;
    return [];
  }

  #isNew(name: string): boolean {
    return name.endsWith(SUFFIX) && !name.startsWith('.') && name > this.#after && !this.#seen.has(name);
  }

  /** S2 */
  async #refold(fresh: readonly string[]): Promise<void> {
    const all = [...this.#seen, ...fresh].sort();
    this.told = NOTHING_TOLD;
    this.#last = '';
    for (const name of all) await this.#take(name);
  }

  async #take(name: string): Promise<void> {
    const report = await this.#read(name);
    const heard = report && this.#ports.agent.hear(report);
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

  /** S3 */
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
