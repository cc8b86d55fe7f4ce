import { InboxMemory } from '../inbox/memory.ts';
import type { Watcher } from '../ports.ts';
import type { Need } from '../yard.ts';
import type { DispatchContext } from './context.ts';
import { needsOf } from './needs.ts';
import { folderAt, type IntakeFolder } from './places.ts';
import { type RejectedFiles, rejectedIn } from './rejected.ts';
import { type Swept, sweep } from './sweep.ts';

export interface DispatchFilesPorts extends Omit<DispatchContext, 'signatureIgnored'> {
  readonly watcher: Watcher;
  /** `<home>/dispatch` */
  readonly dir: string;
  readonly real: (path: string) => Promise<string | undefined>;
  /** What has been put away for long enough. */
  readonly tidy: (folder: IntakeFolder) => Promise<void>;
}

interface Watched {
  readonly folder: IntakeFolder;
  readonly memory: InboxMemory;
  readonly watch: { close(): void };
  swept?: Swept;
  rejected?: RejectedFiles;
  /** Why it can't be read. */
  problem?: string;
}

const HINT_MS = 50;
const SHARE = 10; // a look at a long folder comes at most every so many times as long as it takes

/**
 * The JSON intake: files that programs leave in `<home>/dispatch` and in the folders of `intake_dirs`.
 *
 * 1. Looks are the truth; what the watcher says only makes the next one come sooner.
 * 2. One look at a time over all folders: who has an id is decided once.
 * 3. After `stop` nothing moves; what lay there is found by the next start.
 */
export class DispatchFiles {
  readonly #ports: DispatchFilesPorts;
  #own: IntakeFolder;
  readonly #watched = new Map<string, Watched>();
  #running = false;
  #tail: Promise<unknown> = Promise.resolve();
  #cancel: (() => void) | undefined;
  #due = Number.POSITIVE_INFINITY;
  #took = 0;
  #looking = 0;
  /** Something was heard of since the last look. */
  #hinted = false;
  #saidUnsigned = false;

  constructor(ports: DispatchFilesPorts) {
    this.#ports = ports;
    this.#own = folderAt(ports.dir, true);
  }

  /** The home's own folder and where its files go. */
  get own(): IntakeFolder {
    return this.#own;
  }

  /** Settles after the first look. */
  async start(): Promise<void> {
    this.#running = true;
    await this.#lookNow();
  }

  /** The configuration has changed. */
  configured(): void {
    this.#lookIn(0);
  }

  async stop(): Promise<void> {
    this.#running = false;
    this.#cancel?.();
    await this.#tail;
    for (const { watch } of this.#watched.values()) watch.close();
    this.#watched.clear();
  }

  /** The folder of `intake_dirs` under this name, while it is configured. */
  folder(dir: string): IntakeFolder | undefined {
    return this.#watched.get(dir)?.folder;
  }

  /** No file waits to be looked at or to become quiet. */
  get settled(): boolean {
    const quiet = [...this.#watched.values()].every(({ memory }) => memory.waiting === 0);
    return quiet && !this.#hinted && this.#looking === 0;
  }

  needs(): readonly Need[] {
    return [...this.#watched.values()].flatMap(needsOf);
  }

  #hear(): void {
    this.#hinted = true;
    this.#lookIn(Math.max(HINT_MS, this.#took * SHARE));
  }

  #lookIn(ms: number): void {
    const { clock } = this.#ports;
    const due = clock.now() + ms;
    if (!this.#running || due >= this.#due) return;
    this.#cancel?.();
    this.#due = due;
    this.#cancel = clock.after(ms, () => void this.#lookNow());
  }

  #lookNow(): Promise<void> {
    this.#cancel?.();
    this.#due = Number.POSITIVE_INFINITY;
    this.#looking += 1;
    const look = this.#tail
      .then(() => this.#look())
      .finally(() => {
        this.#looking -= 1;
      });
    this.#tail = look;
    return look;
  }

  async #look(): Promise<void> {
    if (!this.#running) return;
    const { clock, config, say } = this.#ports;
    const began = clock.now();
    this.#hinted = false;
    let again: number = config.dispatcher.scan;
    try {
      await this.#follow();
      for (const one of this.#watched.values()) {
        await this.#lookAt(one);
        again = Math.min(again, one.swept?.again ?? again);
      }
    } catch (error) {
      say('warn', 'the dispatch files could not be looked at', { error: String(error) });
    }
    this.#took = clock.now() - began;
    this.#lookIn(again);
  }

  /** The folders that are configured now, each once however it is named. */
  async #follow(): Promise<void> {
    const { files, real, config, watcher, dir } = this.#ports;
    if ((await real(dir)) === undefined) await files.makeDir(dir);
    this.#own = folderAt((await real(dir)) ?? dir, true); // a person may have put it elsewhere, behind a link
    const wanted = new Map([[this.#own.dir, this.#own]]);
    for (const further of config.intake_dirs) {
      const path = (await real(further)) ?? further;
      if (!wanted.has(path)) wanted.set(path, folderAt(path, false));
    }
    for (const [path, { watch }] of this.#watched) {
      if (wanted.has(path)) continue;
      watch.close();
      this.#watched.delete(path);
    }
    for (const [path, folder] of wanted) {
      if (this.#watched.has(path)) continue;
      this.#watched.set(path, { folder, memory: new InboxMemory(), watch: watcher.watch(path, () => this.#hear()) });
    }
  }

  async #lookAt(one: Watched): Promise<void> {
    const { files, say, tidy } = this.#ports;
    const { folder, memory } = one;
    const context = { ...this.#ports, signatureIgnored: () => this.#sayUnsigned() };
    try {
      one.swept = await sweep({ context, folder, own: this.#own, memory, stopping: () => !this.#running });
      one.rejected = await rejectedIn(files, folder);
      delete one.problem;
      await tidy(folder);
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      if (one.problem !== problem) say('warn', 'an intake folder can not be read', { dir: folder.dir, error: problem });
      one.problem = problem;
      delete one.swept;
    }
  }

  #sayUnsigned(): void {
    if (this.#saidUnsigned) return;
    this.#saidUnsigned = true;
    const message = 'dispatch files are signed, and no key is configured to check that: their signatures are ignored';
    this.#ports.say('warn', message, { next: 'name the variable with the key in intake_key_env' });
  }
}
