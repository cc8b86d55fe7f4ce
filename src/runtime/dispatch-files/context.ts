import type { DropRules } from '../inbox/drop-rules.ts';
import type { Config } from '../model/config.ts';
import type { Project } from '../model/event.ts';
import type { Refusal } from '../model/refusal.ts';
import type { Route } from '../model/route.ts';
import type { Cause } from '../model/task.ts';
import type { Clock, Enqueued, Files, NewTask, OpenWriters, TaskStore } from '../ports.ts';
import type { SigningKey } from './signature.ts';

/** What the parts of the JSON intake work with. */
export interface DispatchContext {
  readonly files: Files;
  readonly writers: OpenWriters;
  readonly clock: Clock;
  readonly store: Pick<TaskStore, 'open' | 'get' | 'outbox' | 'note'>;
  readonly config: Config;
  readonly key: () => SigningKey | undefined;
  /** A file is signed, and there is no key. */
  readonly signatureIgnored: () => void;
  readonly rules: () => DropRules;
  readonly resolve: (path: string, options: { adopt: boolean; cause: Cause }) => Promise<Project | Refusal>;
  readonly route: (task: NewTask) => Route;
  /** All in one commit; a refusal where nothing can be taken. */
  readonly admit: (tasks: readonly NewTask[], cause: Cause) => Promise<(Enqueued | Refusal)[] | Refusal>;
  readonly projectName: (id: Project['id']) => string;
  readonly say: (level: 'info' | 'warn', message: string, facts: object) => void;
}
