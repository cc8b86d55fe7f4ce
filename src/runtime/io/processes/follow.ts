import { type FSWatcher, watch } from 'node:fs';
import type { Recovered, RunEnd } from '../../ports.ts';

/** Waits for the end of one run. After `close` the promise never settles: not looking any more is not an end. */
export interface Following {
  readonly ended: Promise<RunEnd>;
  close(): void;
  /** Somebody else has found out how it ended. */
  settle(end: RunEnd): void;
}

export interface Looking {
  readonly dir: string;
  readonly pollMs: number;
  look(): Promise<Recovered>;
}

/** A run whose supervisor tells us its end. Where the supervisor ends first, its directory is looked at. */
export function followTold(told: Promise<RunEnd | 'untold'>, looking: Looking): Following {
  let after: Following | undefined;
  let closed = false;
  const ended = told.then((end) => {
    if (closed) return new Promise<never>(() => {});
    if (end !== 'untold') return end;
    after = followAdopted(looking);
    return after.ended;
  });
  const close = () => {
    closed = true;
    after?.close();
  };
  return following(ended, close);
}

/** A run that somebody else started: a change in its directory is a hint, a look at times is the truth. */
export function followAdopted({ dir, pollMs, look }: Looking): Following {
  const bell = createBell();
  const watcher = tryWatch(dir, (name) => {
    if (name === 'exit') bell.ring();
  });
  let closed = false;
  const close = () => {
    closed = true;
    watcher?.close();
    bell.ring();
  };
  const untilEnd = async (): Promise<RunEnd> => {
    while (!closed) {
      const found = await look().catch(() => undefined); // a look that failed proves nothing: look again
      const end = found && asEnd(found);
      if (end && !closed) {
        close();
        return end;
      }
      await bell.heard(pollMs);
    }
    return new Promise<never>(() => {});
  };
  return following(untilEnd(), close);
}

function following(found: Promise<RunEnd>, close: () => void): Following {
  let settle = (_: RunEnd) => {};
  const settled = new Promise<RunEnd>((resolve) => {
    settle = resolve;
  });
  const conclude = (end: RunEnd) => {
    close();
    settle(end);
  };
  return { ended: Promise.race([found, settled]), close, settle: conclude };
}

/** One who waits and many who ring; a ring before the wait is heard too. */
function createBell(): { ring(): void; heard(ms: number): Promise<void> } {
  let rung = false;
  let wake = () => {};
  const ring = () => {
    rung = true;
    wake();
  };
  const heard = async (ms: number) => {
    if (!rung) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms).unref();
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    rung = false;
  };
  return { ring, heard };
}

/** Where the system's watches are used up, looking at times has to do. */
function tryWatch(dir: string, changed: (name: string | null) => void): FSWatcher | undefined {
  try {
    const watcher = watch(dir, { persistent: false }, (_, name) => changed(name));
    return watcher.on('error', () => watcher.close());
  } catch {
    return undefined;
  }
}

/** Undefined as long as it runs. */
export function asEnd(state: Recovered): RunEnd | undefined {
  switch (state.kind) {
    case 'running':
      return undefined;
    case 'never_started':
      return { kind: 'lost', reason: 'it was never started' };
    case 'exited':
    case 'lost':
      return state;
  }
}
