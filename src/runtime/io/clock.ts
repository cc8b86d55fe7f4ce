import type { Clock } from '../ports.ts';

const LONGEST_TIMER = 2_147_483_647; // setTimeout fires at once for anything longer

export function systemClock(): Clock {
  return { now: () => Date.now(), after };
}

function after(ms: number, run: () => void): () => void {
  let timer: NodeJS.Timeout;
  arm(ms);

  function arm(left: number): void {
    const step = Math.min(Math.max(left, 0), LONGEST_TIMER);
    timer = setTimeout(() => (left > step ? arm(left - step) : run()), step).unref();
  }
  return () => clearTimeout(timer);
}
