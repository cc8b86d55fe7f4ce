import type { Config } from '../model/config.ts';
import type { TaskRef } from '../model/ids.ts';
import type { Chance, Clock, Files, Locks } from '../ports.ts';
import type { FinishedIndex } from './finished-index.ts';
import type { Journal } from './journal/journal.ts';

/** Everything that the file store stands on. */
export interface Ground {
  readonly files: Files;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly locks: Locks;
  readonly journal: Journal;
  readonly index: FinishedIndex;
  /** What the index held when it was opened. */
  readonly indexed: { readonly lastSeq: number; atLastSeq(task: TaskRef): boolean };
  readonly config: Config;
  readonly home: {
    readonly journal: string;
    readonly snapshot: string;
    readonly projects: string;
    readonly runs: string;
  };
  /** The journal or the snapshot lost something: files are believed over it. */
  readonly damaged: boolean;
  /** The machine was started anew since the last record: files may be empty, torn or missing. */
  readonly anotherBoot: boolean;
  /** Something a person may want to know. */
  readonly say: (level: 'info' | 'warn' | 'error', message: string, facts?: Readonly<Record<string, unknown>>) => void;
}
