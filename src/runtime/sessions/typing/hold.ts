import type { Clock, Files } from '../../ports.ts';

/*
 * While `<run>/hold` is there and young, the agent begins no tool, so that no new dialog can come up under what is typed.
 *
 * 1. It is refreshed while it is needed and removed afterwards, however that ends.
 * 2. One that a crash has left is too old after HOLD_OLD_MS and holds nobody; it is removed when its run is taken up again.
 */

/** The reporter reads this age too: an older one is a leftover. */
export const HOLD_OLD_MS = 10_000;
const REFRESH_MS = HOLD_OLD_MS / 4;

interface HoldPorts {
  readonly files: Pick<Files, 'replace' | 'remove' | 'stat'>;
  readonly clock: Clock;
}

export async function whileHeld<T>(ports: HoldPorts, run_dir: string, act: () => Promise<T>): Promise<T> {
  const hold = new Hold(ports, run_dir);
  try {
    await hold.refresh();
    return await act();
  } finally {
    await hold.release(); // 1
  }
}

/** What a crash has left; a young one may be in use, and is looked at again. */
export async function removeOldHold({ files, clock }: HoldPorts, run_dir: string): Promise<void> {
  const hold = await files.stat(pathIn(run_dir));
  if (hold === undefined) return;
  const left = HOLD_OLD_MS - (clock.now() - hold.mtimeMs);
  if (left <= 0)
    await files.remove(pathIn(run_dir)); // 2
  else clock.after(left + 1, () => void removeOldHold({ files, clock }, run_dir).catch(() => {})); // it holds nobody any more
}

function pathIn(run_dir: string): string {
  return `${run_dir}/hold`;
}

class Hold {
  readonly #ports: HoldPorts;
  readonly #path: string;
  #released = false;
  #writing: Promise<void> = Promise.resolve();
  #cancel: () => void = () => {};

  constructor(ports: HoldPorts, run_dir: string) {
    this.#ports = ports;
    this.#path = pathIn(run_dir);
  }

  async refresh(): Promise<void> {
    const { files, clock } = this.#ports;
    await files.replace(this.#path, new TextEncoder().encode(`${clock.now()}\n`));
    if (this.#released) return;
    this.#cancel = clock.after(REFRESH_MS, () => {
      this.#writing = this.refresh().catch(() => {}); // what is typed meanwhile is looked at before its Enter anyway
    });
  }

  async release(): Promise<void> {
    this.#released = true;
    this.#cancel();
    await this.#writing;
    await this.#ports.files.remove(this.#path);
  }
}
