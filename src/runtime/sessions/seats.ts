import type { ProjectId } from '../model/ids.ts';
import type { Refusal } from '../model/refusal.ts';
import type { PaneFacts, PaneProgram, PaneTarget, PaneView, Unconfirmed } from '../terminals.ts';

/*
 * The places in which agents work, each a named tmux session: the pool keeps them, the attempts use them.
 */

/** A place as the pool knows it, whatever its agent does. */
export interface Seat {
  readonly name: string;
  readonly agent: 'claude' | 'codex' | 'gemini';
  readonly kind: 'dedicated' | 'autonomous' | 'adopted';
  /** Where it is when nothing runs in it. */
  readonly cwd: string;
  readonly project?: ProjectId;
  readonly presence:
    | { readonly kind: 'absent' }
    /** The placeholder runs in it, or what an attempt that is over has left there. */
    | { readonly kind: 'there'; readonly pane: PaneView }
    | { readonly kind: 'dead'; readonly pane: PaneView }
    | { readonly kind: 'foreign'; readonly detail: string }
    /** tmux can't be asked. */
    | { readonly kind: 'unknown'; readonly detail: string };
  readonly cooling?: { readonly until: number; readonly reason: string };
  readonly draining: boolean;
}

export type SeatNews =
  /** The program in it has ended, or its pane is gone: ask whether the process is dead. */
  | { readonly kind: 'ended'; readonly seat: string }
  /** Something may have changed anywhere: look at everything. */
  | { readonly kind: 'look' };

export interface Seats {
  all(): readonly Seat[];
  get(name: string): Seat | undefined;
  /** Starts a program in it, making the session where it is absent. Facts are written before it starts. */
  take(name: string, program: PaneProgram): Promise<PaneTarget | Refusal | Unconfirmed>;
  /** Its attempt is over: the placeholder takes the place of whatever runs there. */
  vacate(name: string): Promise<void>;
  note(name: string, facts: PaneFacts): Promise<void>;
  /** No agent could be started in it. */
  cool(name: string, reason: string): void;
  subscribe(listener: (news: SeatNews) => void): () => void;
}
