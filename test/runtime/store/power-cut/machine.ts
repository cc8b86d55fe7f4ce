import { Config } from '../../../../src/runtime/model/config.ts';
import type { Project } from '../../../../src/runtime/model/event.ts';
import { isRefusal } from '../../../../src/runtime/model/refusal.ts';
import type { Clock } from '../../../../src/runtime/ports.ts';
import type { FileStore } from '../../../../src/runtime/store/file-store.ts';
import { openStore } from '../../../../src/runtime/store/open-store.ts';
import { ForgetfulFiles } from '../../../fakes/forgetful-files.ts';
import { IdleClock } from '../../../fakes/idle-clock.ts';
import { LocalLocks } from '../../../fakes/local-locks.ts';
import { seededChance } from '../../../fakes/seeded-chance.ts';

export const FOLDERS = ['/code/shop', '/code/bank'] as const;
const HOME = {
  dir: '/home',
  journal: '/home/journal',
  snapshot: '/home/snapshot.json',
  runs: '/home/runs',
  projects: '/home/projects.json',
  finished: '/home/finished',
};
const PATIENCE = 3_000; // turns of the event loop; nothing here takes a fraction of it

/** Its timers end with the process. */
type LifeClock = Clock & { stop(): void };

interface Life {
  readonly clock: LifeClock;
  readonly store: FileStore;
  readonly projects: readonly Project[];
  /** The journal can't be trusted any more; a runtime would end here. */
  fatal: boolean;
}

/** A computer with one home and two projects, whose runtime can be killed and whose power can fail. */
export class Machine {
  files = new ForgetfulFiles();
  readonly chance: ReturnType<typeof seededChance>;
  readonly #segmentBytes: number;
  readonly #clockAt: (now: number) => LifeClock;
  readonly #locks = new LocalLocks();
  #life: Life | undefined;
  #starting: { fatal: boolean; clock: LifeClock } | undefined;
  #boot = 1;
  #now = Date.UTC(2026, 0, 1);

  constructor(seed: number, segmentBytes: number, clockAt = (now: number): LifeClock => new IdleClock(now)) {
    this.chance = seededChance(seed);
    this.#segmentBytes = segmentBytes;
    this.#clockAt = clockAt;
  }

  async setUp(): Promise<void> {
    for (const dir of ['/home', ...FOLDERS]) await this.files.makeDir(dir);
    for (const dir of ['/', '/code']) await this.files.syncDir(dir);
  }

  get store(): FileStore {
    if (!this.#life) throw new Error('no runtime runs');
    return this.#life.store;
  }

  get projects(): readonly Project[] {
    return this.#life?.projects ?? [];
  }

  now(): number {
    return this.#life?.clock.now() ?? this.#now;
  }

  get up(): boolean {
    return this.#life !== undefined && !this.#life.fatal && !this.files.died;
  }

  /** Starts a runtime; false when it did not come up, as on a broken disk. */
  async open(): Promise<boolean> {
    const starting = { fatal: false, clock: this.#clockAt(this.#now) };
    this.#starting = starting;
    const opening = this.#open(starting);
    const settled = await this.#settle(opening);
    if (settled === undefined || starting.fatal) return false;
    this.#life = settled;
    return true;
  }

  async #open(life: { fatal: boolean; clock: LifeClock }): Promise<Life> {
    const store = await openStore({
      files: this.files,
      clock: life.clock,
      chance: this.chance,
      locks: this.#locks.of(life),
      config: Config.parse({ journal: { segment_bytes: this.#segmentBytes } }),
      home: HOME,
      bootId: `boot ${this.#boot}`,
      say: () => {},
      onFatal: () => {
        life.fatal = true;
      },
    });
    const projects: Project[] = [];
    for (const path of FOLDERS) {
      const project = await store.adoptProject(path, path.slice(6), true, { by: 'owner' });
      if (isRefusal(project)) throw new Error(project.message);
      projects.push(project);
    }
    return Object.assign(life, { store, projects });
  }

  /** Waits for what was asked of the runtime, as long as it lives. Undefined: it failed, or the runtime is gone. */
  async #settle<T>(asked: Promise<T>): Promise<T | undefined> {
    let answer: { value: T } | 'failed' | undefined;
    asked.then(
      (value) => {
        answer = { value };
      },
      () => {
        answer = 'failed';
      },
    );
    let turns = 0;
    for (let gone = 0; answer === undefined && gone < 3; turns++) {
      await turn();
      if (this.files.died || (this.#life ?? this.#starting)?.fatal) gone++;
      if (turns > PATIENCE) throw new Error('the runtime neither answers nor fails');
    }
    return answer === 'failed' || answer === undefined ? undefined : answer.value;
  }

  async during(acts: readonly Promise<unknown>[]): Promise<void> {
    await this.#settle(Promise.allSettled(acts));
  }

  /** Until the files say what the journal says. */
  async converge(): Promise<void> {
    for (let turns = 0; this.up && !this.store.converged(); turns++) {
      await turn();
      if (turns > PATIENCE) throw new Error(`the files do not follow: ${JSON.stringify(this.store.troubles())}`);
    }
  }

  async close(): Promise<void> {
    await this.#settle(this.store.close());
    await this.kill();
  }

  async kill(): Promise<void> {
    await this.#end();
    this.files.restart();
  }

  /** Without another boot the disk was only away: then nothing is half written. */
  async cutPower(another: 'boot' | 'none'): Promise<void> {
    await this.#end();
    this.files = this.files.cut(this.chance, { luckless: another === 'none' });
    if (another === 'boot') this.#boot++;
  }

  async #end(): Promise<void> {
    const life = this.#life ?? this.#starting;
    this.#now = (life?.clock.now() ?? this.#now) + 1_000;
    life?.clock.stop();
    this.files.die();
    await turn();
    await turn();
    if (life) this.#locks.died(life);
    this.#life = undefined;
    this.#starting = undefined;
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
