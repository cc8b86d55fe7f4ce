import type { JobLook, Submitted } from '../ports.ts';
import { bounded, type DelegationPorts } from './desk.ts';
import type { Finding } from './gate.ts';

type Parts = Pick<DelegationPorts, 'settings' | 'clock'>;

/** What a provider's answer says of the provider, whatever it says of the job; nothing where it was us who hung up. */
export function findingOf(desk: Parts, answer: Submitted | JobLook, hungUp: boolean): Finding | undefined {
  switch (answer.kind) {
    case 'unconfirmed':
      return hungUp ? undefined : { kind: 'trouble', reason: answer.reason };
    case 'later':
      return hungUp ? undefined : later(desk, answer);
    case 'refused':
      if (answer.class === 'crash' || answer.class === 'timeout')
        return hungUp ? undefined : { kind: 'trouble', reason: answer.reason };
      return answer.class === 'stopped' || answer.unsent ? undefined : { kind: 'well' };
    case 'accepted':
    case 'active':
    case 'completed':
    case 'failed':
    case 'unknown_job':
      return { kind: 'well' };
  }
}

function later(desk: Parts, { reason, retry_after_ms, busy }: (Submitted | JobLook) & { kind: 'later' }): Finding {
  if (retry_after_ms === undefined && !busy) return { kind: 'trouble', reason };
  const wait = bounded(desk, retry_after_ms ?? desk.settings().interval_ms);
  return { kind: 'busy', reason, until: desk.clock.now() + wait };
}

/** The same of a request of our own, whose end is the answer. */
export function findingOfOwn(look: JobLook): Finding | undefined {
  if (look.kind === 'completed') return { kind: 'well' };
  if (look.kind !== 'failed' || (look.class !== 'crash' && look.class !== 'timeout')) return undefined;
  return { kind: 'trouble', reason: look.reason };
}
