import type { SessionPhase } from './session-state.ts';

/** What an attempt has, and had so far. Times in ms. */
export interface Clocks {
  readonly begun_at: number;
  readonly ttl: number;
  /** Time in which it waited for somebody: it does not count against the TTL. */
  readonly blocked_ms: number;
  /** Since when it waits now. */
  readonly blocked_since?: number;
  readonly prompt_timeout: number;
  /** When an unconfirmed prompt was looked into last. */
  readonly checked_at?: number;
  readonly blocked_timeout: number;
  readonly interrupted_wait: number;
  /** When it was asked to go on. */
  readonly asked_at?: number;
}

export interface Due {
  readonly what: 'ttl' | 'prompt' | 'blocked' | 'interrupted';
  readonly at: number;
}

/** The next moment at which something has to be done about an attempt, whatever it tells until then. */
export function nextDue(phase: SessionPhase, clocks: Clocks): Due | undefined {
  const ttl: Due = { what: 'ttl', at: clocks.begun_at + clocks.ttl + clocks.blocked_ms };
  switch (phase.kind) {
    case 'starting': {
      const at = Math.max(clocks.begun_at, clocks.checked_at ?? 0) + clocks.prompt_timeout;
      return at < ttl.at ? { what: 'prompt', at } : ttl;
    }
    case 'working':
      return ttl;
    case 'blocked': {
      const since = phase.requests[0]?.asked_at ?? clocks.blocked_since ?? phase.since;
      if (phase.on !== 'interrupted') return { what: 'blocked', at: since + clocks.blocked_timeout };
      return { what: 'interrupted', at: Math.max(since, clocks.asked_at ?? 0) + clocks.interrupted_wait };
    }
    case 'over':
    case 'gone':
      return undefined;
  }
}
