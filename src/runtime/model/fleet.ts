import type { AgentAllowance, ModelAllowance, ProjectAllowance } from './allowance.ts';
import type { ReadonlyBooks } from './books.ts';
import type { Hold } from './hold.ts';
import type { ProjectId, TaskId, TaskKey } from './ids.ts';
import type { AccountWindow } from './profile.ts';
import type { LimitChange } from './quota.ts';

/** A place where tasks can run on this machine: a session, or what runs without a terminal, several at once. */
export interface FleetAgent {
  readonly id: string;
  /** `worker`: an outside program that asks for tasks. */
  readonly kind: 'command' | 'headless' | 'session' | 'worker';
  /** The agent program as the config names it: `claude`, `codex`, `gemini` or a configured command. */
  readonly program: string;
  readonly capabilities: readonly string[];
  readonly status: 'available' | 'busy' | 'offline';
  readonly load: number;
  readonly max: number; // 0 = without limit
  /** Whether a model can be named to it; a command can only where its argv has `{model}`. */
  readonly takes_model?: boolean;
  /** By priority; instead of those of the fleet and the project. */
  readonly models?: Readonly<Record<string, string>>;
  /** Which of the things that a task may ask for it can keep (policy/abilities.ts); absent = all of them. */
  readonly keeps?: readonly string[];
  /** Among equals the smaller one is taken: sessions that are there before those that would have to be made. */
  readonly rank?: number;
  /** It takes only tasks that name it. */
  readonly when_named?: true;
  /** Its program is not there: no waiting mends that. */
  readonly missing?: true;
  /** Why it is offline, and until when, where that is known. */
  readonly detail?: string;
  readonly until?: number;
  /** It takes a task only when it asks for one: how many it asks for now, beside what it has. Absent: it need not ask. */
  readonly asks?: number;
  /** Of the account that it would use next, where they are known. */
  readonly windows?: readonly AccountWindow[];
  /** Work may not begin there: somebody wanted it so. `status` is `offline` then. */
  readonly held?: Hold;
  /** When it was last heard of: a worker by its own word, another by what became of its attempts. */
  readonly heard_at?: number;
  /** A dedicated session takes only this project's tasks. */
  readonly project?: ProjectId;
  /** Only the tasks of these. */
  readonly projects?: readonly ProjectId[];
  /** It works in no folder of this machine: no checkout is in its way. */
  readonly elsewhere?: true;
  /** As people are shown it. */
  readonly title?: string;
}

export interface FleetProvider {
  readonly id: string;
  /** The AIs it serves; `preferred_ai` may name one of them. */
  readonly ai: readonly string[];
  readonly status: 'available' | 'offline';
  /** Why it is offline, and until when, where that is known. */
  readonly detail?: string;
  readonly until?: number;
  /** Nothing may be sent there: somebody wanted it so. `status` is `offline` then. */
  readonly held?: Hold;
  /** When a job of it was last begun or ended here. */
  readonly heard_at?: number;
  readonly load: number;
  readonly max: number;
  /** What it is asked for where the task names no model, and by the AI that is wanted of it. */
  readonly model?: string;
  readonly models?: Readonly<Record<string, string>>;
}

/** Everything that `decide` looks at besides the task and the time. */
export interface Fleet {
  readonly agents: readonly FleetAgent[];
  readonly providers: readonly FleetProvider[];
  readonly default_provider?: string;
  /** Commands and headless runs together, beside each agent's own `max`; `max` 0 = without limit. */
  readonly headless?: { readonly running: number; readonly max: number };
  readonly worktrees?: FleetWorktrees;
  readonly paused: boolean;
  /** All holds in force. */
  readonly holds?: readonly Hold[];
  readonly projects: ReadonlyMap<ProjectId, FleetProject>;
  /** Model per priority, from the config: `critical: opus, default: sonnet`. */
  readonly models: Readonly<Record<string, string>>;
  readonly allowance?: FleetAllowance;
}

/** What may be spent, and what is. */
export interface FleetAllowance {
  readonly agents: Readonly<Record<string, AgentAllowance>>;
  readonly models: Readonly<Record<string, ModelAllowance>>;
  /** What of it was changed at run time, and of the projects' own, by `limitKey`. */
  readonly changes?: ReadonlyMap<string, LimitChange>;
  readonly books: ReadonlyBooks;
  readonly load: AllowanceLoad;
}

/** What no book says yet: a place is taken when it is chosen, its job is booked when its claim is durable. */
export interface AllowanceLoad {
  /** Tasks at work by agent, program and provider, claims under way included. */
  readonly at_work: ReadonlyMap<string, number>;
  /** Claims under way. */
  readonly claims: Readonly<Record<'agent' | 'model' | 'project', ReadonlyMap<string, number>>>;
}

/** Git worktrees of ours. */
export interface FleetWorktrees {
  readonly max: number; // 0 = without limit
  /** Those that are there, and those that tasks at work are about to have. */
  readonly count: number;
  /** The worktree in which a task has worked, by the task that it was made for; also those that were removed since. */
  readonly roots: ReadonlyMap<TaskKey, TaskKey>;
  readonly there: ReadonlySet<TaskKey>;
  /** Tasks that have ended and whose worktree stays, as people name them. */
  readonly kept: readonly string[];
  /** Who works in which one now. */
  readonly writers: ReadonlyMap<TaskKey, TaskId>;
}

export interface FleetProject {
  readonly paused: boolean;
  /** Tasks that run now, wherever they run. */
  readonly running: number;
  readonly max_running: number; // 0 = without limit
  readonly weight: number;
  /** A local task with `workspace: project` is at work in the checkout and the project does not share it. */
  readonly checkout_busy: boolean;
  /** Model per priority, where the project's own file says other ones. */
  readonly models?: Readonly<Record<string, string>>;
  /** The default agent of this project's tasks, when it names one. */
  readonly agent?: string;
  readonly allowance?: { readonly name: string; readonly limits: ProjectAllowance };
}
