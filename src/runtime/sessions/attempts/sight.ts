import { join } from 'node:path';
import type { SessionAgent } from '../../agents/agent.ts';
import type { OpenRequest } from '../../policy/session-requests.ts';
import type { Seen } from '../../policy/session-state.ts';
import type { Clock, Files, Runner } from '../../ports.ts';
import { type RunRecord, sessionFiles } from './run-record.ts';

export interface SightPorts {
  readonly files: Files;
  readonly clock: Clock;
  readonly runner: Pick<Runner, 'look'>;
  readonly userHome: string;
  readonly agent: SessionAgent;
}

/** Without a conversation every one that its process has counts. */
type Whose = Pick<RunRecord, 'config_dir' | 'transcript'> & Partial<Pick<RunRecord, 'conversation'>>;

/** What can be seen of an agent beside its reports. */
export class Sight {
  readonly #ports: SightPorts;
  readonly #dir: string;
  #record: Whose;
  #seen: Omit<Seen, 'now' | 'answered'> = { process: 'alive' };
  readonly answered = new Set<string>();
  pid: number | undefined;
  /** Why its process is dead. */
  lost = 'its process has ended';

  constructor(ports: SightPorts, run_dir: string, record: Whose, pid: number | undefined) {
    this.#ports = ports;
    this.#dir = run_dir;
    this.#record = record;
    this.pid = pid;
  }

  get now(): Seen {
    return { ...this.#seen, now: this.#ports.clock.now(), answered: this.answered };
  }

  /** Its conversation is known better now. */
  follow(record: RunRecord): void {
    this.#record = record;
  }

  /** The process table decides; a look that failed proves nothing. */
  async lookAtProcess(): Promise<void> {
    const found = await this.#ports.runner.look(this.#dir).catch(() => undefined);
    switch (found?.kind) {
      case 'running':
        this.pid = found.pid ?? this.pid;
        this.#see({ process: 'alive' });
        break;
      case 'lost':
        this.lost = found.reason;
        this.#see({ process: 'dead' });
        break;
      case 'exited':
      case 'never_started':
        this.#see({ process: 'dead' });
        break;
      case 'not_begun':
      case undefined:
        this.#see({ process: 'unknown' });
    }
  }

  async lookAtState(): Promise<void> {
    const { agent, files, userHome: home } = this.#ports;
    const { config_dir, conversation, transcript } = this.#record;
    if (this.pid === undefined) return;
    const where = { home, pid: this.pid, transcript, ...(config_dir !== undefined && { config_dir }) };
    const live = await agent.live(files, where).catch(() => undefined);
    const { live: _, ...rest } = this.#seen;
    if (live === undefined || live.conversation !== (conversation ?? live.conversation)) this.#seen = rest;
    else this.#see({ live, ...(live.status === 'waiting' && { waited_at: live.at }) });
  }

  /** A hook that waits for an answer stands at its pipe; where the pipe is gone it has got one, or waits no more. */
  async lookAtRequests(open: readonly OpenRequest[]): Promise<void> {
    for (const { report } of open) {
      if (this.answered.has(report)) continue;
      const pipe = await this.#ports.files.stat(join(sessionFiles(this.#dir).answers, report));
      if (pipe?.kind !== 'other') this.answer([report]);
    }
  }

  answer(reports: readonly string[]): void {
    if (reports.length === 0) return;
    for (const report of reports) this.answered.add(report);
    this.#see({ answered_at: this.#ports.clock.now() });
  }

  lookedAtScreen(text: string): void {
    this.#see({ screen: { reading: this.#ports.agent.screen(text), at: this.#ports.clock.now() } });
  }

  foundInTranscript(): void {
    this.#see({ in_transcript: true });
  }

  #see(more: Partial<Omit<Seen, 'now' | 'answered'>>): void {
    this.#seen = { ...this.#seen, ...more };
  }
}
