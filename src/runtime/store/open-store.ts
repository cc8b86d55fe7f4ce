import type { Config } from '../model/config.ts';
import { keyOf } from '../model/ids.ts';
import type { Chance, Clock, Files, Locks } from '../ports.ts';
import { sweepTemps } from './durably.ts';
import { FileStore } from './file-store.ts';
import { FinishedIndex } from './finished-index.ts';
import { FinishedList } from './finished-list.ts';
import type { Ground } from './ground.ts';
import { type OpenReport, openJournal } from './journal/open.ts';
import { readSnapshot, type SnapshotRead } from './snapshot.ts';
import { State } from './state.ts';

export interface StoreHome {
  readonly dir: string;
  readonly journal: string;
  readonly snapshot: string;
  readonly runs: string;
  readonly projects: string;
  readonly finished: string;
}

export interface OpenStoreOptions {
  readonly files: Files;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly locks: Locks;
  readonly config: Config;
  readonly home: StoreHome;
  readonly bootId: string;
  readonly say: Ground['say'];
  /** What is on disk is unknown: the runtime must end, and a new one look. */
  readonly onFatal: (error: unknown) => void;
}

/** Snapshot, then every record after it: the state as it was acknowledged. */
export async function openStore(options: OpenStoreOptions): Promise<FileStore> {
  const { files, clock, chance, locks, config, home, say } = options;
  let store: FileStore | undefined;
  await sweepTemps(files, [home.journal, home.finished]);
  const { journal, report } = await openJournal({
    files,
    dir: home.journal,
    clock,
    chance,
    bootId: options.bootId,
    segmentBytes: config.journal.segment_bytes,
    onRollback: () => store?.fallBack(),
    onFatal: options.onFatal,
  });
  const read = await readSnapshot(files, home.snapshot);
  const usable = read.kind === 'read' && read.snapshot.epoch === report.epoch ? read.snapshot : undefined;
  const state = usable ? State.from(usable.state as never) : new State();
  const index = new FinishedIndex(files, home.finished);
  const { lastSeq } = await index.open();
  const newest = await index.page({
    limit: 1_000,
    filter: (task) => task.finished_seq === lastSeq,
    until: (task) => task.finished_seq > 0 && task.finished_seq < lastSeq, // 0: found as a file
  });
  const keys = new Set(newest.tasks.map(keyOf));
  const ground: Ground = {
    files,
    clock,
    chance,
    locks,
    journal,
    index: new FinishedList(index, clock, say),
    indexed: { lastSeq, atLastSeq: (task) => keys.has(keyOf(task)) },
    config,
    home,
    damaged: isDamaged(report, read, usable !== undefined),
    bootId: options.bootId,
    snapshotSeq: state.seq,
    say,
  };
  const replayed = [];
  for await (const { record, place } of journal.replay(state.seq + 1)) {
    const changes = state.apply(record, place);
    const retried = record.events.some((event) => event.type === 'task_retried');
    if (retried || changes.some((change) => change.after && 'finished_seq' in change.after))
      replayed.push({ record, changes });
  }
  store = new FileStore(ground, state);
  for (const { record, changes } of replayed) store.replayed(record, changes);
  sayFindings(report, read, say);
  return store;
}

/** Something that was acknowledged may be missing here; the files of the queues are asked. */
function isDamaged(report: OpenReport, read: SnapshotRead, usable: boolean): boolean {
  const lost = report.findings.some((finding) => finding.kind === 'damaged' || finding.kind === 'gap');
  return lost || read.kind === 'broken' || (read.kind === 'read' && !usable);
}

function sayFindings(report: OpenReport, read: SnapshotRead, say: Ground['say']): void {
  for (const finding of report.findings) say('warn', `the journal was mended: ${finding.kind}`, { ...finding });
  if (read.kind === 'broken')
    say('warn', 'the snapshot was broken and is kept aside', { kept: read.kept, why: read.why });
}
