import type { Watcher } from '../ports.ts';
import type { Need } from '../yard.ts';
import type { InboxContext } from './context.ts';
import { InboxMemory } from './memory.ts';
import { type ScanReport, sweep } from './sweep.ts';
import { Vanished } from './vanished.ts';

const HINT_MS = 50;
const SHARE = 10; // a scan of a long inbox comes at most every so many times as long as it takes

/**
 * The inbox of one project: files that people and programs drop become tasks.
 *
 * 1. Scans are the truth; what the watcher says only makes the next one come sooner.
 * 2. Scans run one after the other, never two at once.
 * 3. What was there before `start` is found by the first scan; after `stop` nothing of it moves.
 */
export class Inbox {
  readonly #context: InboxContext;
  readonly #watcher: Watcher;
  readonly #memory = new InboxMemory();
  readonly #vanished = new Vanished();
  #life: Life | undefined;
  #startedAt: number;
  #checkedAtStart = false;
  #scanning = 0;
  #took = 0; // ms, the newest scan
  /** The scan that runs, or the last one. */
  #tail: Promise<unknown> = Promise.resolve();
  #deferred: ScanReport['deferred'];
  /** Names heard of since the last scan; `all` = look at everything. */
  #heard: Set<string> | 'all' = new Set();

  constructor(context: InboxContext, watcher: Watcher) {
    this.#context = context;
    this.#watcher = watcher;
    this.#startedAt = context.clock.now();
  }

  start(): void {
    if (this.#life) return;
    this.#startedAt = this.#context.clock.now();
    const watch = this.#watcher.watch(this.#context.queue.inbox, (name) => this.#hear(name));
    this.#life = { watch, timers: new Map() };
    this.#hear(null);
  }

  /** Settles when a scan that was under way has ended. */
  async stop(): Promise<void> {
    const life = this.#life;
    this.#life = undefined;
    life?.watch.close();
    for (const cancel of life?.timers.values() ?? []) cancel();
    await this.#tail;
  }

  /** Looks at everything now; `takeOver` also takes what lay there before the project was adopted. */
  scan(options: { takeOver?: boolean } = {}): Promise<ScanReport> {
    this.#heard = 'all';
    return this.#enqueueScan(options.takeOver ?? false);
  }

  /** No drop waits to be looked at or to become quiet. */
  get settled(): boolean {
    return this.#scanning === 0 && this.#memory.waiting === 0 && this.#heard !== 'all' && this.#heard.size === 0;
  }

  /** Nothing is lost, and nothing to be done; but somebody may wonder why nothing begins. */
  needs(): Need[] {
    if (!this.#deferred) return [];
    const { count, reason } = this.#deferred;
    const { name } = this.#context.project;
    const what = `${count} ${count === 1 ? 'file waits' : 'files wait'} in the inbox of ${name} to be taken: ${reason}`;
    return [{ what, where: name, next: 'they stay there and are taken by themselves when there is room' }];
  }

  #hear(name: string | null): void {
    if (name === null) this.#heard = 'all';
    else if (this.#heard !== 'all') this.#heard.add(name);
    if (!this.#life?.timers.has('hint')) this.#after('hint', Math.max(HINT_MS, this.#took * SHARE));
  }

  #enqueueScan(takeOver: boolean): Promise<ScanReport> {
    const next = this.#tail.then(() => this.#scanNow(takeOver));
    this.#tail = next.catch(() => undefined);
    return next;
  }

  async #scanNow(takeOver: boolean): Promise<ScanReport> {
    if (takeOver) this.#memory.takeUpLeftAlone();
    const heard = this.#heard;
    this.#heard = new Set();
    const alive = this.#life;
    const { clock } = this.#context;
    const began = clock.now();
    this.#scanning += 1;
    const report = await sweep({
      context: this.#context,
      memory: this.#memory,
      vanished: this.#vanished,
      startedAt: this.#startedAt,
      takeOver,
      ...(heard === 'all' ? {} : { heard }),
      stopping: () => alive !== undefined && this.#life !== alive,
    }).finally(() => {
      this.#scanning -= 1;
      this.#took = clock.now() - began;
    });
    this.#deferred = report.deferred;
    await this.#restoreMissing();
    if (report.again !== undefined) this.#after('again', report.again);
    return report;
  }

  /** Once, after the first scan: tasks that were queued when we began and have no file. */
  async #restoreMissing(): Promise<void> {
    if (this.#checkedAtStart) return;
    this.#checkedAtStart = true;
    const { store, project, files, queue } = this.#context;
    for (const { id, state, queued_at, project: of } of store.open().values()) {
      if (of !== project.id || state !== 'queued' || queued_at >= this.#startedAt) continue;
      if (this.#memory.isKnown(`${id}.md`) || (await files.stat(queue.task(id)))) continue;
      this.#context.restore({ project: project.id, id });
    }
  }

  #after(timer: 'hint' | 'again' | 'periodic', ms: number): void {
    const life = this.#life;
    if (!life) return;
    life.timers.get(timer)?.();
    const run = () => {
      life.timers.delete(timer);
      if (this.#life === life) void this.#scanByItself(timer);
    };
    life.timers.set(timer, this.#context.clock.after(ms, run));
  }

  /** Nobody waits for this scan: what went wrong is noted, and the next one tries again. */
  async #scanByItself(timer: 'hint' | 'again' | 'periodic'): Promise<void> {
    if (timer === 'periodic') this.#heard = 'all';
    try {
      await this.#enqueueScan(false);
    } catch (error) {
      this.#heard = 'all';
      const message = error instanceof Error ? error.message : String(error);
      this.#context.note({ code: 'scan_failed', message });
    }
    if (!this.#life?.timers.has('periodic')) this.#after('periodic', this.#context.config().dispatcher.scan);
  }
}

interface Life {
  readonly watch: { close(): void };
  readonly timers: Map<string, () => void>;
}
