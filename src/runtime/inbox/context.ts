import type { Config } from '../model/config.ts';
import type { Project } from '../model/event.ts';
import type { TaskRef } from '../model/ids.ts';
import type { Refusal } from '../model/refusal.ts';
import type { Cause } from '../model/task.ts';
import type { Clock, Enqueued, Files, NewTask, OpenWriters, TaskStore } from '../ports.ts';
import type { QueueLayout } from '../taskfile/layout.ts';
import type { ParsedTask } from '../taskfile/parse.ts';
import type { DropRules } from './drop-rules.ts';

/** Something a person may want to know about an inbox; said once per occasion. */
export interface InboxNote {
  readonly code:
    | 'name_ignored'
    | 'left_alone'
    | 'leftover_removed'
    | 'id_taken'
    | 'unreadable'
    | 'edit_invalid'
    | 'deferred'
    | 'vanished'
    | 'inbox_missing'
    | 'scan_failed';
  readonly message: string;
  readonly name?: string;
}

/** What the parts of an inbox work with. */
export interface InboxContext {
  readonly project: Project;
  readonly queue: QueueLayout;
  readonly files: Files;
  readonly writers: OpenWriters;
  readonly clock: Clock;
  readonly store: TaskStore;
  /** All in one commit; a refusal where nothing can be taken. */
  readonly admit: (tasks: readonly NewTask[], cause: Cause) => Promise<(Enqueued | Refusal)[] | Refusal>;
  /** Asked at each scan, so that a reload counts. */
  readonly config: () => Config;
  readonly rules: () => DropRules;
  /** A project that nobody configured takes no drops that lay there before it was adopted. */
  readonly takesOlderDrops: boolean;
  /** The file of a queued task is gone and has to be written again. */
  restore(ref: TaskRef): void;
  /** The file of a queued task says something else now; what runs is read again at the claim. */
  edited(ref: TaskRef, bytes: Uint8Array, parsed: ParsedTask): void;
  note(note: InboxNote): void;
}
