import { isRefusal, type Refusal } from '../../runtime/model/refusal.ts';
import type { Clock } from '../../runtime/ports.ts';
import type { Yard } from '../../runtime/yard.ts';
import { isFinished } from '../find-task.ts';
import type { ToolContext } from '../tool.ts';
import { WaitProgress } from './progress.ts';
import type { Selection } from './select.ts';
import { enoughEnded, untilEnded } from './watch-ends.ts';

export interface WaitFor {
  readonly mode: 'any' | 'all';
  readonly ms: number;
  readonly signal: AbortSignal;
  readonly progress?: ToolContext['progress'];
}

/** What was selected once enough of it has ended, the time is up, or the caller has gone away: all of these are normal answers. */
export async function waitForEnds(
  { store, clock }: Pick<Yard, 'store' | 'clock'>,
  select: () => Promise<Selection | Refusal>,
  { mode, ms, signal, progress }: WaitFor,
): Promise<{ selection: Selection; timed_out: boolean } | Refusal> {
  const deadline = deadlineOf(clock, ms, signal);
  const teller = progress && new WaitProgress(clock, progress);
  try {
    for (;;) {
      const selection = await select(); // again after the wait: a group may have grown meanwhile
      if (isRefusal(selection)) return selection;
      const { tasks } = selection;
      const met = enoughEnded(mode, tasks.filter(isFinished).length, tasks.length);
      if (met || deadline.signal.aborted) return { selection, timed_out: !met };
      teller?.over(tasks);
      const changed = teller && { changed: teller.changed };
      await untilEnded(store, tasks, { mode, signal: deadline.signal, ...changed });
    }
  } finally {
    deadline.cancel();
    teller?.stop();
  }
}

function deadlineOf(clock: Clock, ms: number, signal: AbortSignal): { signal: AbortSignal; cancel: () => void } {
  const late = new AbortController();
  const cancel = clock.after(ms, () => late.abort());
  return { signal: AbortSignal.any([signal, late.signal]), cancel };
}
