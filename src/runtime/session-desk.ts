import type { TaskRef } from './model/ids.ts';
import type { Refusal } from './model/refusal.ts';
import type { ProfileView, SessionRequest, SessionView } from './model/session.ts';
import type { Cause } from './model/task.ts';

/** How a session is meant: by its own name, or by the task that it works on. */
export type SessionName = { readonly name: string } | { readonly task: TaskRef };

export interface SessionText {
  readonly name: string;
  readonly text: string;
  /** From the agent's screen, from its conversation, or, without a terminal, from what it tells while it works. */
  readonly from: 'screen' | 'transcript' | 'stream';
  readonly at: number;
}

/** `unconfirmed`: its hook has taken the answer, and the agent gave no sign of it in time; it is not given again. */
export type AnsweredRequest = SessionRequest & {
  readonly verdict?: 'confirmed' | 'unconfirmed';
  readonly detail?: string;
};

/** The sessions as the tools see them. What can't be done now is refused with the reason and what to do instead. */
export interface SessionDesk {
  /** Those that need somebody first, then working ones, longest first, then the others by name. */
  list(): readonly SessionView[];
  /** With sessions of the same agents that are not ours, which have to be looked for. */
  listAll(): Promise<readonly SessionView[]>;
  find(which: SessionName): SessionView | Refusal;
  requests(): readonly SessionRequest[];
  read(
    which: SessionName,
    what: { readonly from: 'screen' | 'transcript'; readonly lines: number },
  ): Promise<SessionText | Refusal>;
  /** `delivered`: the agent itself has confirmed it. `unconfirmed`: it may have been; it is not sent again. */
  message(
    which: SessionName,
    text: string,
    cause: Cause,
  ): Promise<{ name: string; verdict: 'delivered' | 'unconfirmed'; detail?: string } | Refusal>;
  answer(
    request: string,
    answer:
      | { decision: 'allow' }
      | { decision: 'deny'; reason?: string }
      | { answers: Readonly<Record<string, string>> },
    cause: Cause,
  ): Promise<AnsweredRequest | Refusal>;
  /** Stops what the agent does now, as Escape would; the attempt goes on as `interrupted` says. */
  interrupt(which: SessionName, cause: Cause): Promise<SessionView | Refusal>;
  /** Takes a session of tmux that is not ours and bears a configured name. */
  adopt(name: string, cause: Cause): Promise<SessionView | Refusal>;
  /** What a person runs to look at it. */
  attach(which: SessionName): { readonly name: string; readonly command: readonly string[] } | Refusal;
  profiles(): readonly ProfileView[];
  pauseProfile(
    agent: string,
    name: string,
    options: { until?: number; reason: string },
    cause: Cause,
  ): Promise<ProfileView | Refusal>;
  resumeProfile(agent: string, name: string, cause: Cause): Promise<ProfileView | Refusal>;
  /** The next attempts use this one first. */
  useProfile(agent: string, name: string, cause: Cause): Promise<ProfileView | Refusal>;
}
