import type { FleetHeadless, HeadlessGate } from '../fleet-headless.ts';
import type { CodingAgentName } from '../model/config.ts';
import { keyOf } from '../model/ids.ts';
import type { SessionDesk } from '../session-desk.ts';
import type { Profiles } from '../sessions/accounts/profiles.ts';
import type { Sessions } from '../sessions/sessions.ts';
import type { Caller } from '../yard.ts';
import { AllSessions } from './desk.ts';
import { Installed, type InstalledParts } from './installed.ts';
import type { HeadlessPorts } from './ports.ts';
import { RunProgress } from './progress.ts';
import { HeadlessRuns } from './runs.ts';

export interface HeadlessParts
  extends Omit<HeadlessPorts, 'profiles' | 'requests' | 'reporter' | 'leave'>,
    Omit<InstalledParts, 'home'> {
  readonly sessions: Sessions;
}

/** Coding agents without a terminal as a whole: the runs, where they can be started, and one desk with the sessions. */
export class Headless {
  readonly desk: SessionDesk;
  readonly runs: HeadlessRuns;
  readonly progress: RunProgress;
  readonly #parts: HeadlessParts;
  readonly #installed: Installed;
  readonly #profiles: Profiles;

  constructor(parts: HeadlessParts) {
    const { sessions } = parts;
    this.#parts = parts;
    this.#profiles = sessions.profiles;
    this.#installed = new Installed({ ...parts, home: parts.userHome });
    this.runs = new HeadlessRuns({
      ...parts,
      profiles: sessions.profiles,
      requests: sessions.requests,
      reporter: () => sessions.reporter(),
      leave: (conversation) => sessions.leave(conversation),
    });
    this.progress = new RunProgress(parts);
    this.desk = new AllSessions({ ...parts, sessions: sessions.desk, runs: this.runs, progress: this.progress });
  }

  forFleet(): FleetHeadless {
    return {
      keeps: (program) => this.#parts.headless(program).keeps,
      prices: (program) => this.#parts.headless(program).spent !== undefined,
      gate: (program) => this.#gate(program),
      windows: (program) => this.#profiles.windows(program),
    };
  }

  configured(): void {
    this.#installed.forget();
  }

  stop(): void {
    this.#installed.stop();
    this.runs.stop();
  }

  /** Who calls from inside a conversation that we supervise. */
  caller(conversation: string): Caller | undefined {
    const task = this.runs.taskIn(conversation);
    const open = task && this.#parts.store.open().get(keyOf(task));
    if (!task || !open) return undefined;
    return { principal: 'attempt', name: `attempt ${open.attempt} of ${task.id}`, task, depth: open.depth };
  }

  #gate(program: CodingAgentName): HeadlessGate | undefined {
    const missing = this.#installed.missing(program);
    return missing === undefined ? this.#profiles.gate(program) : { reason: missing, missing: true };
  }
}
