import type { SessionAttemptPorts } from './attempt-ports.ts';
import type { RunRecord } from './run-record.ts';

/** Watches the folders in which agents say what they do: one for each account, however many agents run on it. */
export class StateWatch {
  readonly #ports: Pick<SessionAttemptPorts, 'agent' | 'watcher' | 'userHome'>;
  /** Without a pid anybody may be meant. */
  readonly #changed: (pid: number | undefined) => void;
  readonly #watches = new Map<string, { close(): void }>();

  constructor(
    ports: Pick<SessionAttemptPorts, 'agent' | 'watcher' | 'userHome'>,
    changed: (pid: number | undefined) => void,
  ) {
    this.#ports = ports;
    this.#changed = changed;
  }

  follow({ agent, config_dir }: Pick<RunRecord, 'agent' | 'config_dir'>): void {
    const { userHome: home, watcher } = this.#ports;
    const dir = this.#ports.agent(agent).liveDir({ home, ...(config_dir !== undefined && { config_dir }) });
    if (this.#watches.has(dir)) return;
    this.#watches.set(
      dir,
      watcher.watch(dir, (name) => {
        const pid = name === null ? undefined : pidIn(name);
        if (name === null || pid !== undefined) this.#changed(pid);
      }),
    );
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
