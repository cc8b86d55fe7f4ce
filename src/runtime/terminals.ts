import type { Refusal } from './model/refusal.ts';

/* The port to the terminals of the machine. */

/** What is written on a pane of ours, so that it survives the loss of everything else. */
export type PaneFact = 'name' | 'project' | 'task' | 'attempt' | 'agent_session' | 'state';
export type PaneFacts = Readonly<Partial<Record<PaneFact, string>>>;

export type PaneLife =
  | { readonly kind: 'live' }
  /** Its terminal is closed and no exit status is known: the process may live on. No proof of death. */
  | { readonly kind: 'hung_up' }
  | { readonly kind: 'dead'; readonly status?: number; readonly signal?: string };

/** One pane as it is now. All text of it is clean. */
export interface PaneView {
  /** `%7`; never used twice by one server. */
  readonly pane: string;
  /** Its session's name; people rename sessions, so nothing is addressed by it. */
  readonly session: string;
  readonly pid: number;
  readonly life: PaneLife;
  readonly command: string;
  readonly title: string;
  readonly width: number;
  readonly height: number;
  /** Copy mode or another mode of the person's: what is typed would go there. */
  readonly in_mode: boolean;
  /** Clients that look at its session. */
  readonly attached: number;
  readonly active_at: number; // of its window, ms
  /** The mark of the home that made or adopted it; absent for everybody else's. */
  readonly home?: string;
  readonly facts: PaneFacts;
}

export interface Sweep {
  /** Names one life of one server; undefined while none runs. */
  readonly server: string | undefined;
  readonly panes: readonly PaneView[];
}

/** A pane and the process in it: what was meant when it was decided. Another process there makes it `stale`. */
export interface PaneTarget {
  readonly pane: string;
  readonly pid: number;
}

export interface PaneProgram {
  /** Executed as it is; no shell reads it. */
  readonly argv: readonly [string, ...string[]];
  /** It ends with 126 where this folder can't be entered; it never starts anywhere else. */
  readonly cwd: string;
  /** Added to the environment of the session. */
  readonly env: Readonly<Record<string, string>>;
  /** Written before the program starts, in the same command list. */
  readonly facts: PaneFacts;
}

export interface SessionOrder {
  readonly name: string;
  readonly cwd: string;
  readonly width?: number;
  readonly height?: number;
  readonly facts: PaneFacts;
  /** Without it the pane holds a placeholder. */
  readonly program?: Omit<PaneProgram, 'facts'>;
}

/** Sent and not answered: it may have happened. To be looked into, never to be sent again unseen. */
export interface Unconfirmed {
  readonly unconfirmed: true;
  readonly reason: string;
}

export type Key = 'Enter' | 'Escape' | 'Tab' | 'BSpace' | 'Up' | 'Down' | 'C-c' | 'C-j' | 'C-u';

export type TmuxNews =
  /** Everything heard before may be out of date: sweep. */
  | { readonly kind: 'connected'; readonly server: string }
  /** `gone`: the server is proved dead, and all its panes with it. Otherwise nothing is known about them. */
  | { readonly kind: 'lost'; readonly gone: boolean; readonly reason: string }
  /** The process of a pane of ours has ended; its screen is still there, but for what it may have printed at the very end. */
  | { readonly kind: 'died'; readonly pane: PaneView }
  /** A pane of ours is no more; about its process this says nothing. */
  | { readonly kind: 'closed'; readonly pane: PaneView }
  | { readonly kind: 'renamed'; readonly pane: PaneView; readonly from: string };

/**
 * The terminals of the machine. Only panes that carry this home's mark are ever written to, and only while the process
 * that was meant runs in them; every such check is made by tmux itself at the moment of the act.
 */
export interface Tmux {
  /** Starts no server. */
  sweep(): Promise<Sweep | Refusal>;
  /** Starts a server where none runs. */
  create(order: SessionOrder): Promise<PaneTarget | Refusal | Unconfirmed>;
  /** Ends what runs in a pane and starts the program there. About the old process this proves nothing but a hang-up. */
  respawn(target: PaneTarget, program: PaneProgram): Promise<PaneTarget | Refusal | Unconfirmed>;
  /** The same with the placeholder that a new session has. */
  rest(
    target: PaneTarget,
    placeholder: Pick<PaneProgram, 'cwd' | 'facts'>,
  ): Promise<PaneTarget | Refusal | Unconfirmed>;
  /** Closes the pane; what a person has opened beside it stays. */
  kill(target: PaneTarget): Promise<'done' | Refusal | Unconfirmed>;
  /** Sets facts, and unsets those that are undefined. */
  note(
    target: PaneTarget,
    facts: Readonly<Partial<Record<PaneFact, string | undefined>>>,
  ): Promise<'done' | Refusal | Unconfirmed>;
  /** Puts this home's mark on a pane that has none. */
  adopt(target: PaneTarget, facts: PaneFacts): Promise<'done' | Refusal | Unconfirmed>;
  /** The last `lines` of the screen, or of screen and scrollback; of any pane. */
  read(pane: string, options: { lines: number; scrollback?: boolean }): Promise<string | Refusal>;
  /** One bracketed paste, without Enter. Refused while the pane is in a mode. */
  paste(target: PaneTarget, text: string): Promise<'done' | Refusal | Unconfirmed>;
  /** Refused while the pane is in a mode. */
  press(target: PaneTarget, key: Key): Promise<'done' | Refusal | Unconfirmed>;
  /** Leaves copy mode and every other mode. */
  leaveMode(target: PaneTarget): Promise<'done' | Refusal | Unconfirmed>;
  /** The command with which a person attaches. */
  attachCommand(session: string): readonly string[];
  subscribe(listener: (news: TmuxNews) => void): () => void;
  /** Sessions go on. */
  close(): Promise<void>;
}
