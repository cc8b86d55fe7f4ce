import type { SessionState, SessionView } from '../model/session.ts';
import type { AttemptView } from './attempts/attempt-ports.ts';
import { shownRequest } from './requests/shown-request.ts';
import type { Seat } from './seats.ts';

/** A seat as everybody sees it: where it is, what its agent does, and what somebody has to do. */
export function viewOf(seat: Seat, attempt: AttemptView | undefined): SessionView {
  const { name, agent, kind, presence, project } = seat;
  const pane = 'pane' in presence ? presence.pane : undefined;
  const task = attempt?.task;
  return {
    ...{ name, agent, kind, managed: presence.kind !== 'foreign' },
    ...(attempt && isHere(attempt) ? agentPart(attempt) : { ...seatPart(seat), requests: [] }),
    ...(project !== undefined && { project }),
    ...(task && { task, project: task.ref.project }),
    ...(pane ? { attached: pane.attached } : {}),
    cwd: seat.cwd,
  };
}

/** What is known of the agent counts as long as its attempt does, or a person uses what it has left. */
function isHere({ lingering, state }: AttemptView): boolean {
  return !lingering || state === 'occupied';
}

function agentPart(attempt: AttemptView): Omit<SessionView, 'name' | 'agent' | 'kind' | 'managed'> {
  const { state, blocked_on, detail, evidence, conversation, model, profile, context_tokens, usage, next, until } =
    attempt;
  const part = { blocked_on, detail, evidence, conversation, model, profile, context_tokens, usage, next, until };
  const known = Object.fromEntries(Object.entries(part).filter(([, value]) => value !== undefined));
  return { state, ...known, requests: attempt.requests.map(shownRequest) };
}

function seatPart({ name, presence, cooling, draining }: Seat): {
  state: SessionState;
  detail?: string;
  until?: number;
  next?: string;
} {
  switch (presence.kind) {
    case 'foreign':
      return { state: 'foreign', detail: presence.detail, next: `yardmaster adopt ${name}` };
    case 'unknown':
      return { state: 'unknown', detail: presence.detail };
    case 'dead':
      return { state: 'dead', detail: 'its program has ended; it is made again' };
    case 'absent':
    case 'there':
      if (cooling) return { state: 'cooling', detail: cooling.reason, until: cooling.until };
      if (draining) return { state: 'draining' };
      return { state: presence.kind === 'there' ? 'idle' : 'absent' };
  }
}

const NEEDS_SOMEBODY: readonly SessionState[] = ['blocked', 'unknown', 'foreign', 'dead'];
const AT_WORK: readonly SessionState[] = ['working', 'starting', 'occupied'];

/** Those that need somebody first, then those at work, the longest first, then the others by name. */
export function inOrder(views: readonly SessionView[]): SessionView[] {
  return [...views].sort((a, b) => rank(a) - rank(b) || since(a) - since(b) || natural(a.name, b.name));
}

function rank({ state, next }: SessionView): number {
  const needs = NEEDS_SOMEBODY.indexOf(state);
  if (needs !== -1) return needs;
  if (next !== undefined) return NEEDS_SOMEBODY.length;
  return AT_WORK.includes(state) ? 10 : 20;
}

function since({ state, evidence, task }: SessionView): number {
  if (state === 'blocked') return evidence?.at ?? 0;
  return task?.since ?? Number.MAX_SAFE_INTEGER;
}

const collator = new Intl.Collator('en', { numeric: true });
function natural(a: string, b: string): number {
  return collator.compare(a, b);
}
