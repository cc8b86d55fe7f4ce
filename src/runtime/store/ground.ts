import type { Config } from '../model/config.ts';
import type { TaskRef } from '../model/ids.ts';
import type { Chance, Clock, Files, Locks } from '../ports.ts';
import type { FinishedList } from './finished-list.ts';
import type { Journal } from './journal/journal.ts';

/** Everything that the file store stands on. */
export interface Ground {
  readonly files: Files;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly locks: Locks;
  readonly journal: Journal;
  readonly index: FinishedList;
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
  readonly bootId: string;
  /** The snapshot's number, 0 without one: what was projected up to there is synced. */
  readonly snapshotSeq: number;
  /** Something a person may want to know. */
  readonly say: (level: 'info' | 'warn' | 'error', message: string, facts?: Readonly<Record<string, unknown>>) => void;
}
