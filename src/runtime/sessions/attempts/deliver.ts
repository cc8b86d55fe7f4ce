import { isRefusal } from '../../model/refusal.ts';
import type { Clock, Recovered, Runner } from '../../ports.ts';
import type { PaneProgram } from '../../terminals.ts';
import type { Seats } from '../seats.ts';

/*
 * The start of an agent in its seat, and what came of it.
 *
 * D1. The run directory decides, never tmux: a start that it refused, or did not confirm, may be under way.
 * D2. After an answer of `never` it can't start any more, so that another attempt may.
 */

export type Delivered =
  | { readonly kind: 'running'; readonly pid?: number }
  /** It had begun, and is over already. */
  | { readonly kind: 'ended' }
  | { readonly kind: 'never'; readonly reason: string };

interface DeliveryPorts {
  readonly seats: Pick<Seats, 'take'>;
  readonly runner: Pick<Runner, 'look' | 'recover'>;
  readonly clock: Clock;
}

const FIRST_LOOK_MS = 5;
const LONGEST_PAUSE_MS = 250;

export async function deliver(
  { seats, runner, clock }: DeliveryPorts,
  seat: string,
  start: { readonly dir: string; readonly program: PaneProgram; readonly patience: number },
): Promise<Delivered> {
  const { dir, program, patience } = start;
  const taken = await seats.take(seat, program);
  if (isRefusal(taken)) return decided(await runner.recover(dir), taken.message); // D1
  if ('unconfirmed' in taken) return decided(await runner.recover(dir), taken.reason);
  const end = clock.now() + patience;
  for (let pause = FIRST_LOOK_MS; clock.now() < end; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    const found = await runner.look(dir).catch(() => ({ kind: 'not_begun' }) as const);
    if (found.kind !== 'not_begun') return decided(found, 'its start was given up');
    await new Promise<void>((resolve) => void clock.after(pause, resolve));
  }
  return decided(await runner.recover(dir), 'its program did not begin'); // D2
}

function decided(found: Recovered, reason: string): Delivered {
  switch (found.kind) {
    case 'never_started':
      return { kind: 'never', reason };
    case 'running':
      return { kind: 'running', ...(found.pid !== undefined && { pid: found.pid }) };
    case 'exited':
    case 'lost':
      return { kind: 'ended' };
  }
}
