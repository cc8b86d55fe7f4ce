import type { HeardReport, LiveState, SessionAgent } from '../agents/agent.ts';
import type { TaskRef } from '../model/ids.ts';
import type { BlockedOn } from '../model/session.ts';
import type { PaneTarget } from '../terminals.ts';

/** What an agent does at the moment, as far as its evidence says. */
export type Doing =
  | { readonly kind: 'starting' }
  | { readonly kind: 'working' }
  /** It waits for the next prompt: its turn, or its whole attempt, is over. */
  | { readonly kind: 'idle' }
  | { readonly kind: 'blocked'; readonly on: BlockedOn; readonly since: number; readonly detail?: string }
  | { readonly kind: 'gone' | 'unknown'; readonly detail: string };

/** An agent in a pane: whom a message, an answer or an Escape is meant for. The attempts know it; guard and requests use it. */
export interface PaneAgent {
  readonly seat: string;
  /** The pane, and the agent's own process in it. */
  readonly target: PaneTarget;
  readonly run_dir: string;
  /** The one that it works on; absent when that is over and the agent was left open. */
  readonly task?: TaskRef;
  readonly conversation: string;
  readonly agent: SessionAgent;
  doing(): Doing;
  /** Reads its reports now, whatever was hinted. */
  look(): Promise<void>;
  live(): Promise<LiveState | undefined>;
  /** Its new reports, of its own conversation alone. Returns the way to stop. */
  heard(listener: (report: HeardReport) => void): () => void;
}
