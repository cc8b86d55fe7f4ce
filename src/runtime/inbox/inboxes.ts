import type { Config } from '../model/config.ts';
import type { Project } from '../model/event.ts';
import type { ProjectId, TaskRef } from '../model/ids.ts';
import type { Clock, Files, OpenWriters, TaskStore, Watcher } from '../ports.ts';
import { queueOf } from '../taskfile/layout.ts';
import type { Need } from '../yard.ts';
import type { InboxContext } from './context.ts';
import { Inbox } from './inbox.ts';
import type { ScanReport } from './sweep.ts';

export interface InboxesPorts {
  readonly files: Files;
  readonly writers: OpenWriters;
  readonly watcher: Watcher;
  readonly clock: Clock;
  readonly store: TaskStore;
  readonly config: Config;
  readonly admit: InboxContext['admit'];
  /** The file of a waiting task says something else now. */
  readonly edited: (ref: TaskRef) => Promise<void>;
  readonly say: (level: 'info', message: string, facts: object) => void;
}

/** The inboxes of all projects whose queue this home holds. */
export class Inboxes {
  readonly #ports: InboxesPorts;
  readonly #open = new Map<ProjectId, Inbox>();
  #stopped = false;

  constructor(ports: InboxesPorts) {
    this.#ports = ports;
  }

  async open(project: Project): Promise<void> {
    if (this.#stopped || this.#open.has(project.id)) return;
    const inbox = new Inbox(this.#context(project), this.#ports.watcher);
    this.#open.set(project.id, inbox);
    inbox.start();
  }

  scan(project: ProjectId, options: { takeOver: boolean }): Promise<ScanReport | undefined> {
    return this.#open.get(project)?.scan(options) ?? Promise.resolve(undefined);
  }

  /** No drop waits to be looked at. */
  get settled(): boolean {
    return [...this.#open.values()].every((inbox) => inbox.settled);
  }

  /** Drops that can't be taken now: they stay where they are. */
  needs(): readonly Need[] {
    return [...this.#open.values()].flatMap((inbox) => inbox.needs());
  }

  /** What is dropped from now on is the next runtime's. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([...this.#open.values()].map((inbox) => inbox.stop()));
    this.#open.clear();
  }

  #context(project: Project): InboxContext {
    const { files, writers, clock, store, admit, config, say } = this.#ports;
    return {
      ...{ project, files, writers, clock, store, admit },
      queue: queueOf(project.path),
      config: () => config,
      rules: () => ({ checks: new Set(Object.keys(config.checks)), callbacks: config.callbacks }),
      // Asked anew each time: an import releases them, also those that are not quiet yet while it looks.
      get takesOlderDrops() {
        return !store.projects().find(({ id }) => id === project.id)?.held?.length;
      },
      restore: (ref) => store.restore(ref),
      edited: (ref) => void this.#ports.edited(ref), // at the claim the file is read again in any case
      note: ({ code, message }) => say('info', message, { project: project.name, code }),
    };
  }
}
