import { isRefusal, type Refusal } from '../../runtime/model/refusal.ts';
import type { Clock } from '../../runtime/ports.ts';
import type { Yard } from '../../runtime/yard.ts';
import type { Selection } from './select.ts';
import { EndWatch } from './watch-ends.ts';

export interface WaitFor {
  readonly mode: 'any' | 'all';
  readonly ms: number;
  readonly signal: AbortSignal;
}

/** What was selected once enough of it has ended, the time is up, or the caller has gone away: all of these are normal answers. */
export async function waitForEnds(
  yard: Pick<Yard, 'store' | 'clock'>,
  select: () => Promise<Selection | Refusal>,
  { mode, ms, signal }: WaitFor,
): Promise<{ selection: Selection; timed_out: boolean } | Refusal> {
  const watch = new EndWatch(yard);
  const deadline = deadlineOf(yard.clock, ms, signal);
  try {
    for (;;) {
      const selection = await select(); // again after the wait: a group may have grown meanwhile
      if (isRefusal(selection)) return selection;
      if (watch.met(mode, selection.tasks) || deadline.signal.aborted) {
        return { selection, timed_out: !watch.met(mode, selection.tasks) };
      }
      while (!watch.met(mode, selection.tasks) && !deadline.signal.aborted) await watch.nextCommit(deadline.signal);
    }
  } finally {
    deadline.cancel();
    watch.stop();
  }
}

function deadlineOf(clock: Clock, ms: number, signal: AbortSignal): { signal: AbortSignal; cancel: () => void } {
  const late = new AbortController();
  const cancel = clock.after(ms, () => late.abort());
  return { signal: AbortSignal.any([signal, late.signal]), cancel };
}
