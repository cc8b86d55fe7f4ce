import type { SessionEvent } from '../model/event.ts';
import type { Cause } from '../model/task.ts';

/** What the journal says of an Escape that somebody had us press. */
export function interrupted(session: string, { by }: Cause): SessionEvent {
  return { type: 'session_changed', session, what: 'interrupted', detail: `asked for by ${by}` };
}
