import { type FSWatcher, statSync, watch } from 'node:fs';
import { basename } from 'node:path';
import type { Watcher } from '../ports.ts';

/**
 * One kernel watch per directory, whatever lies in it.
 *
 * 1. A watch is only a hint. When the kernel refuses one (no descriptors, no inotify watches), the folder is still scanned:
 *    `degraded` says so once, and the watch is tried again later.
 * 2. A folder that is removed takes its watch with it: it is closed, `changed(null)` is reported, and a folder of the same
 *    name is watched again when it comes back.
 * 3. Nothing here keeps the process alive.
 */
export interface KernelWatchOptions {
  readonly degraded?: (dir: string, reason: string) => void;
  /** How long until a lost or refused watch is tried again. */
  readonly retryMs?: number;
}

export class KernelWatcher implements Watcher {
  readonly #options: KernelWatchOptions;

  constructor(options: KernelWatchOptions = {}) {
    this.#options = options;
  }

  watch(dir: string, changed: (name: string | null) => void): { close(): void } {
    const watching = new FolderWatch(dir, changed, this.#options);
    watching.open();
    return watching;
  }
}

class FolderWatch {
  readonly #dir: string;
  readonly #changed: (name: string | null) => void;
  readonly #options: KernelWatchOptions;
  #kernel: FSWatcher | undefined;
  #ino: number | undefined;
  #retry: NodeJS.Timeout | undefined;
  #said: string | undefined;
  #closed = false;

  constructor(dir: string, changed: (name: string | null) => void, options: KernelWatchOptions) {
    this.#dir = dir;
    this.#changed = changed;
    this.#options = options;
  }

  open(): void {
    const ino = inodeOf(this.#dir);
    try {
      if (ino === undefined) throw new Error('the folder is not there');
      const kernel = watch(this.#dir, { persistent: false }, (event, name) => this.#heard(event, name));
      kernel.on('error', (error: NodeJS.ErrnoException) => this.#lost(error.code ?? error.message));
      this.#kernel = kernel;
      this.#ino = ino;
      this.#said = undefined;
    } catch (error) {
      this.#later((error as NodeJS.ErrnoException).code ?? (error as Error).message);
    }
  }

  close(): void {
    this.#closed = true;
    this.#kernel?.close();
    this.#kernel = undefined;
    clearTimeout(this.#retry);
  }

  #heard(event: string, name: string | null): void {
    if (this.#closed) return;
    // The folder itself is named when it goes; a file of the same name inside it costs one stat.
    const aboutItself = event === 'rename' && (name === null || name === basename(this.#dir));
    if (aboutItself && inodeOf(this.#dir) !== this.#ino) this.#lost('the folder was removed');
    else this.#changed(name);
  }

  #lost(reason: string): void {
    if (this.#closed) return;
    this.#kernel?.close();
    this.#kernel = undefined;
    this.#later(reason, 0);
    this.#changed(null);
  }

  #later(reason: string, ms = this.#options.retryMs ?? 1_000): void {
    if (this.#said !== reason && ms > 0) this.#options.degraded?.(this.#dir, reason);
    if (ms > 0) this.#said = reason;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#reopen(), ms).unref();
  }

  #reopen(): void {
    if (this.#closed) return;
    this.open();
    if (this.#kernel) this.#changed(null); // whatever happened in between was not heard
  }
}

function inodeOf(dir: string): number | undefined {
  try {
    return statSync(dir).ino;
  } catch {
    return undefined;
  }
}
