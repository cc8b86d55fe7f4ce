import { holdKey, pausedAt } from './model/hold.ts';
import type { Clock, Files, TaskStore } from './ports.ts';

export interface HeartbeatPorts {
  readonly path: string;
  readonly files: Pick<Files, 'replace'>;
  readonly clock: Clock;
  readonly store: Pick<TaskStore, 'counts' | 'outbox' | 'holds'>;
  readonly version: string;
  readonly pid: number;
  readonly say: (level: 'warn', message: string, facts: object) => void;
}

const EVERY_MS = 30_000;

/** A file for watchdogs: who reads it sees by `ts` that the runtime lives, and after a stop in order that it was one. */
export class Heartbeat {
  readonly #ports: HeartbeatPorts;
  readonly #startedAt: number;
  #cancel: (() => void) | undefined;
  #writing: Promise<void> = Promise.resolve();
  #running = false;
  #said = false;

  constructor(ports: HeartbeatPorts) {
    this.#ports = ports;
    this.#startedAt = ports.clock.now();
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#beat();
  }

  async stop(): Promise<void> {
    if (!this.#running) return;
    this.#running = false;
    this.#cancel?.();
    await this.#writing;
    await this.#write('stopped');
  }

  #beat(): void {
    this.#writing = this.#write('running');
    this.#cancel = this.#ports.clock.after(EVERY_MS, () => this.#beat());
  }

  /** A full disk costs the heartbeat and nothing else. */
  async #write(status: 'running' | 'stopped'): Promise<void> {
    const { path, files } = this.#ports;
    try {
      await files.replace(path, Buffer.from(`${JSON.stringify(this.#facts(status))}\n`));
      this.#said = false;
    } catch (error) {
      if (!this.#said) this.#ports.say('warn', 'the heartbeat could not be written', { path, error: String(error) });
      this.#said = true;
    }
  }

  /** `paused`: nothing begins anywhere. */
  #held(): object {
    const { clock, store } = this.#ports;
    const { all, holds } = pausedAt(store.holds(), clock.now());
    const held = holds.map(({ scope, kind, until }) => ({
      scope: holdKey(scope),
      kind,
      ...(until !== undefined && { until: iso(until) }),
    }));
    return { paused: all, ...(held.length > 0 && { held }) };
  }

  #facts(status: 'running' | 'stopped'): object {
    const { clock, store, version, pid } = this.#ports;
    const counts = [...store.counts().values()];
    const sum = (...states: ('queued' | 'claimed' | 'running')[]) =>
      counts.reduce((total, count) => total + states.reduce((some, state) => some + count[state], 0), 0);
    return {
      ...{ ts: iso(clock.now()), active: sum('claimed', 'running'), queued: sum('queued'), pid },
      ...{
        status,
        version,
        started_at: iso(this.#startedAt),
        ...this.#held(),
        owed: store.outbox().size,
      },
    };
  }
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
