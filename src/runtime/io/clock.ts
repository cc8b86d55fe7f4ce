import type { Clock } from '../ports.ts';

const LONGEST_TIMER = 2_147_483_647; // setTimeout fires at once for anything longer

export function systemClock(): Clock {
  return { now: () => Date.now(), after };
}

function after(ms: number, run: () => void): () => void {
  const end = Date.now() + ms;
  let timer = arm(ms);

  function arm(left: number): NodeJS.Timeout {
    return setTimeout(ring, Math.min(Math.max(left, 0), LONGEST_TIMER)).unref();
  }
  function ring(): void {
    if (ms <= LONGEST_TIMER) return run();
    const left = end - Date.now();
    if (left <= 0) return run();
    timer = arm(left);
  }
  return () => clearTimeout(timer);
}
