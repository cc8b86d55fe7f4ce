import type { WorkingTask } from '../load.ts';
import type { FleetWorktrees } from '../model/fleet.ts';
import { keyOf, type TaskId, type TaskKey, type TaskRef } from '../model/ids.ts';
import type { TreeRecords } from './record.ts';

type OnRecord = Pick<FleetWorktrees, 'roots' | 'there' | 'kept'>;

/** The worktrees as `decide` sees them; a fleet is built for every pick, the records change with a task. */
export class FleetView {
  readonly #records: TreeRecords;
  readonly #nameOf: (ref: TaskRef) => string;
  #known: { readonly version: number; readonly on: OnRecord } | undefined;

  constructor(records: TreeRecords, nameOf: (ref: TaskRef) => string) {
    this.#records = records;
    this.#nameOf = nameOf;
  }

  /** A task at work that has none yet is about to have one. */
  now(atWork: Iterable<WorkingTask>, max: number): FleetWorktrees {
    const { roots, there, kept } = this.#onRecord();
    const writers = new Map<TaskKey, TaskId>();
    for (const task of atWork) {
      const { project, id, continues } = task;
      const known = roots.get(keyOf(task)) ?? (continues && roots.get(keyOf({ project, id: continues })));
      if (known || task.worktree) writers.set(known || keyOf(task), id);
    }
    const coming = [...writers.keys()].filter((root) => !there.has(root)).length;
    return { max, count: there.size + coming, roots, there, kept, writers };
  }

  #onRecord(): OnRecord {
    const { version } = this.#records;
    if (this.#known?.version !== version) this.#known = { version, on: this.#read() };
    return this.#known.on;
  }

  #read(): OnRecord {
    const roots = new Map<TaskKey, TaskKey>();
    const there = new Set<TaskKey>();
    const kept: string[] = [];
    for (const record of this.#records.all()) {
      const tree = this.#records.treeOf(record);
      if (tree) roots.set(keyOf(record), keyOf(tree));
      if (record.kind !== 'own' || record.phase === 'removed') continue;
      there.add(keyOf(record));
      if (record.kept !== undefined) kept.push(this.#nameOf(record));
    }
    return { roots, there, kept };
  }
}
