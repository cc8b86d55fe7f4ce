import type { SessionAgent } from '../agents/agent.ts';
import type { HeadlessAgent } from '../agents/headless.ts';
import type { CodingAgentName, Config } from '../model/config.ts';
import type { ProjectId } from '../model/ids.ts';
import type { Chance, Clock, Files, Pipes, TaskStore, Watcher } from '../ports.ts';
import type { Environment } from '../runs/environment.ts';
import type { ProfileChooser, Requests } from '../sessions/attempts/attempt-ports.ts';

/* What the runs without a terminal need of the others. */

export interface HeadlessPorts {
  readonly home: string;
  /** The person's own: where agents keep what no profile says otherwise. */
  readonly userHome: string;
  readonly store: TaskStore;
  readonly files: Files;
  readonly watcher: Watcher;
  readonly pipes: Pipes;
  readonly clock: Clock;
  readonly chance: Chance;
  /** As it counts for one project's tasks. */
  readonly of: (project: ProjectId) => Config;
  readonly env: Environment;
  /** The same program with and without a terminal. */
  readonly agent: (program: CodingAgentName) => SessionAgent;
  readonly headless: (program: CodingAgentName) => HeadlessAgent;
  readonly profiles: ProfileChooser;
  readonly requests: Requests;
  /** The script by which hooks report, in this home. */
  readonly reporter: () => Promise<string>;
  /** Makes a conversation free that an agent in a session is done with; who has it, where it is not free. */
  readonly leave: (conversation: string) => Promise<string | undefined>;
  readonly projectName: (id: ProjectId) => string;
  readonly say: (level: 'info' | 'warn' | 'error', message: string, facts?: Readonly<Record<string, unknown>>) => void;
}
