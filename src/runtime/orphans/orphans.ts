import { join } from 'node:path';
import { keyOf, ProjectId, TaskId, type TaskRef } from '../model/ids.ts';
import { isLive } from '../model/task.ts';
import type { Clock, MarkedProcess, MarkedProcesses, TaskStore } from '../ports.ts';
import type { Need, Orphan } from '../yard.ts';

/*
 * Processes of attempts that are over. The end of an attempt ends what is left of it, so there should be none: what is
 * found here had no mark that could be read at that moment, or belongs to an attempt that nobody here knows any more.
 *
 * O1. What belongs to a live attempt is none, and is never ended here: that is its attempt's to do.
 * O2. What a task that is done has left open, it may have left open on purpose: it is none either, and is shown apart.
 * O3. Nothing is ended unasked, and only what was seen: with its mark, and as the same process.
 */

const EVERY_MS = 300_000;
/** What is being ended at this moment is gone a moment later. */
const AGAIN_MS = 250;

export interface OrphansPorts {
  readonly home: string;
  readonly clock: Clock;
  readonly marked: MarkedProcesses;
  readonly store: Pick<TaskStore, 'open' | 'get'>;
  readonly projectName: (id: ProjectId) => string;
  readonly grace: () => number;
  readonly say: (level: 'warn', message: string, facts: object) => void;
}

export class Orphans {
  readonly #ports: OrphansPorts;
  #found: readonly Orphan[] = [];
  #cancel: (() => void) | undefined;
  #stopped = false;

  constructor(ports: OrphansPorts) {
    this.#ports = ports;
  }

  /** Looks now and then, beginning now. */
  start(): void {
    void this.#round();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  /** Undefined where this system does not tell. Those that a task which is done has left are `kept`. */
  async look(): Promise<readonly Orphan[] | undefined> {
    const { clock } = this.#ports;
    const first = await this.#seen();
    if (first === undefined || first.length === 0) return this.#know(first);
    await new Promise<void>((resolve) => void clock.after(AGAIN_MS, resolve));
    const again = (await this.#seen()) ?? [];
    const still = first.filter((one) => again.some(({ pid, start }) => pid === one.pid && start === one.start));
    return this.#know(still);
  }

  /** O3. Those that have ended; what is asked for and not among the orphans is left alone. */
  async end(those: readonly { readonly pid: number; readonly start: string }[]): Promise<readonly Orphan[]> {
    const { marked, grace } = this.#ports;
    const asked = ((await this.look()) ?? []).filter((one) =>
      those.some(({ pid, start }) => pid === one.pid && start === one.start),
    );
    const ended = await marked.end(asked, grace());
    await this.look();
    return asked.filter((one) => ended.some(({ pid }) => pid === one.pid));
  }

  needs(): Need[] {
    const [first, ...others] = this.#found;
    if (first === undefined) return [];
    const [what, verb] = others.length === 0 ? ['a process', 'goes'] : [`${others.length + 1} processes`, 'go'];
    const named = `${first.command.slice(0, 60)} (pid ${first.pid}, of ${first.project}/${first.task})`;
    return [
      {
        what: `${what} of attempts that are over ${verb} on: ${named}${others.length === 0 ? '' : ', …'}`,
        where: `pid ${first.pid}`,
        next: 'yardmaster orphans; yardmaster orphans end',
      },
    ];
  }

  async #round(): Promise<void> {
    const before = new Set(this.#found.map(({ pid }) => pid));
    try {
      await this.look();
      for (const { pid, command, project, task, attempt, why } of this.#found)
        if (!before.has(pid))
          this.#ports.say('warn', 'a process goes on that belongs to no live attempt', {
            ...{ pid, command, project, task, attempt, why },
          });
    } catch (error) {
      this.#ports.say('warn', 'processes of past attempts could not be looked for', { error: String(error) });
    }
    if (!this.#stopped) this.#cancel = this.#ports.clock.after(EVERY_MS, () => void this.#round());
  }

  #know(found: readonly Orphan[] | undefined): readonly Orphan[] | undefined {
    this.#found = (found ?? []).filter(({ kept }) => !kept);
    return found;
  }

  async #seen(): Promise<Orphan[] | undefined> {
    const runs = join(this.#ports.home, 'runs');
    const found = await this.#ports.marked.within(runs);
    if (found === undefined) return undefined;
    const judged = await Promise.all(found.map((one) => this.#judge(one, one.run_dir.slice(runs.length + 1))));
    return judged.filter((one) => one !== undefined);
  }

  async #judge(process: MarkedProcess, path: string): Promise<Orphan | undefined> {
    const [project, id, attempt] = path.split('/');
    const ref = { project: ProjectId.safeParse(project).data, id: TaskId.safeParse(id).data };
    const number = Number(attempt);
    const named = { project: project ?? '', task: id ?? '', attempt: Number.isInteger(number) ? number : 0 };
    if (ref.project === undefined || ref.id === undefined || named.attempt === 0)
      return { ...process, ...named, kept: false, why: 'its run directory is of no attempt' };
    const why = await this.#why({ project: ref.project, id: ref.id }, named.attempt);
    return why && { ...process, ...named, project: this.#ports.projectName(ref.project), ...why };
  }

  async #why(ref: TaskRef, attempt: number): Promise<Pick<Orphan, 'kept' | 'why'> | undefined> {
    const { store } = this.#ports;
    const open = store.open().get(keyOf(ref));
    if (open) {
      const mayRun = isLive(open) || open.state === 'unknown'; // of that one only its runner's death is proof
      if (mayRun && open.attempt === attempt) return undefined; // O1
      const now = isLive(open) ? `attempt ${open.attempt} is at work` : 'the task waits for the next one';
      return { kept: false, why: `attempt ${attempt} is over; ${now}` };
    }
    const task = await store.get(ref);
    if (task === undefined || !('finished_seq' in task)) return { kept: false, why: 'no such task is known here' };
    if (task.state === 'done' && task.attempts === attempt)
      return { kept: true, why: 'left open by a task that is done' }; // O2
    const which =
      task.state === 'done' ? `attempt ${attempt} is over; a later one is done` : `the task is ${task.state}`;
    return { kept: false, why: which };
  }
}
