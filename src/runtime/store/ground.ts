import type { Config } from '../model/config.ts';
import type { JournalRecord } from '../model/event.ts';
import type { Chance, Clock, Files, Locks } from '../ports.ts';
import type { Log } from './commit.ts';
import type { FinishedIndex } from './finished-index.ts';
import type { Place } from './state.ts';

export interface Journal extends Log {
  readonly epoch: string;
  readRecord(place: Place): Promise<JournalRecord | undefined>;
  replay(fromSeq: number): AsyncIterable<{ record: JournalRecord; place: Place }>;
  /** Called, before anybody else hears of it, when appended drafts were thrown away. */
  onRejected(listener: () => void): void;
  segments(): readonly { readonly name: string; readonly firstSeq: number; readonly bytes: number }[];
  /** Removes the segment; never the one that is written to. */
  drop(name: string): Promise<void>;
  rotate(): Promise<void>;
  close(): Promise<void>;
}

/** Everything that the file store stands on. */
export interface Ground {
  readonly files: Files;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly locks: Locks;
  readonly journal: Journal;
  readonly index: FinishedIndex;
  readonly config: Config;
  readonly home: { readonly snapshot: string; readonly projects: string; readonly runs: string };
  /** The journal or the snapshot lost something: files are believed over it. */
  readonly damaged: boolean;
  /** The machine was started anew since the last record: files may be empty, torn or missing. */
  readonly anotherBoot: boolean;
  /** Something a person may want to know. */
  readonly say: (level: 'info' | 'warn' | 'error', message: string, facts?: Readonly<Record<string, unknown>>) => void;
}
