import type { LiveState, SessionAgent } from '../../agents/agent.ts';
import type { BlockedOn } from '../../model/session.ts';
import type { Files } from '../../ports.ts';
import type { PaneTarget } from '../../terminals.ts';
import type { AttemptView } from '../attempts/attempt-ports.ts';

/** What an agent does at the moment, as far as its evidence says. */
export type Doing =
  | { readonly kind: 'starting' }
  | { readonly kind: 'working' }
  /** It waits for the next prompt: its turn, or its whole attempt, is over. */
  | { readonly kind: 'idle' }
  | { readonly kind: 'blocked'; readonly on: BlockedOn; readonly since: number; readonly detail?: string }
  | { readonly kind: 'gone' | 'unknown'; readonly detail: string };

/** An agent in a pane: whom a message, an answer or an Escape is meant for. */
export interface PaneAgent {
  readonly seat: string;
  /** The pane, and the agent's own process in it. */
  readonly target: PaneTarget;
  readonly run_dir: string;
  readonly conversation: string;
  readonly agent: SessionAgent;
  /** The person's own home, and the profile's folder where it is not there. */
  readonly home: string;
  readonly config_dir?: string;
  readonly transcript?: string;
  doing(): Doing;
}

/** An agent that asks, as far as its answer needs it: in a pane, or without any terminal. */
export interface Asker
  extends Pick<PaneAgent, 'seat' | 'run_dir' | 'conversation' | 'home' | 'config_dir' | 'transcript'> {
  readonly agent: Pick<SessionAgent, 'hear' | 'answer' | 'live'>;
  readonly target: Pick<PaneTarget, 'pid'>;
}

/** What its attempt says of it, as the guard has to know it. */
export function doingOf(view: Pick<AttemptView, 'state' | 'blocked_on' | 'detail' | 'evidence'>): Doing {
  const { state, blocked_on, detail = state, evidence } = view;
  switch (state) {
    case 'starting':
    case 'working':
    case 'idle':
      return { kind: state };
    case 'occupied':
      return { kind: 'idle' }; // whether a person types in it at this moment is for its screen to say
    case 'blocked':
      return { kind: 'blocked', on: blocked_on ?? 'dialog', since: evidence?.at ?? 0, detail };
    case 'draining':
    case 'unknown':
    case 'foreign':
      return { kind: 'unknown', detail };
    case 'dead':
    case 'absent':
    case 'cooling':
      return { kind: 'gone', detail };
  }
}

/** What it says of itself; nothing where that is another conversation's. */
export async function liveOf(files: Files, by: Asker): Promise<LiveState | undefined> {
  const { agent, home, config_dir, target, conversation, transcript } = by;
  const live = await agent.live(files, {
    ...{ home, pid: target.pid },
    ...(config_dir !== undefined && { config_dir }),
    ...(transcript !== undefined && { transcript }),
  });
  return live?.conversation === conversation ? live : undefined;
}
