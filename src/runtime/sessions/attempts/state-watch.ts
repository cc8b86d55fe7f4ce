import type { SessionAttemptPorts } from './attempt-ports.ts';
import type { RunRecord } from './run-record.ts';

/** Watches the folders in which agents say what they do: one for each account, however many agents run on it. */
export class StateWatch {
  readonly #ports: Pick<SessionAttemptPorts, 'agent' | 'files' | 'watcher' | 'userHome'>;
  /** Without a pid anybody may be meant. */
  readonly #changed: (pid: number | undefined) => void;
  readonly #watches = new Map<string, { close(): void }>();

  constructor(
    ports: Pick<SessionAttemptPorts, 'agent' | 'files' | 'watcher' | 'userHome'>,
    changed: (pid: number | undefined) => void,
  ) {
    this.#ports = ports;
    this.#changed = changed;
  }

  follow({ agent, config_dir }: Pick<RunRecord, 'agent' | 'config_dir'>): void {
    const { userHome: home, files } = this.#ports;
    const dir = this.#ports.agent(agent).liveDir({ home, ...(config_dir !== undefined && { config_dir }) });
    if (this.#watches.has(dir)) return;
    const watch = { close: () => {} };
    this.#watches.set(dir, watch);
    // An account that is new has no such folder yet, and what is not there can't be watched.
    void files.makeDir(dir).then(
      () => this.#watches.get(dir) === watch && this.#watch(dir, watch),
      () => this.#watches.delete(dir), // the next attempt on it tries again
    );
  }

  #watch(dir: string, watch: { close: () => void }): void {
    const watching = this.#ports.watcher.watch(dir, (name) => {
      const pid = name === null ? undefined : pidIn(name);
      if (name === null || pid !== undefined) this.#changed(pid);
    });
    watch.close = () => watching.close();
    this.#changed(undefined);
  }

  close(): void {
    for (const watch of this.#watches.values()) watch.close();
    this.#watches.clear();
  }
}

/** Of `<pid>.json`. */
function pidIn(name: string): number | undefined {
  const [, pid] = /^(\d+)\.json$/.exec(name) ?? [];
  return pid === undefined ? undefined : Number(pid);
}
