import { join } from 'node:path';
import { shaOf } from '../inbox/take.ts';
import type { Project } from '../model/event.ts';
import type { TaskId, TaskRef } from '../model/ids.ts';
import type { FinishedTask, OpenTask } from '../model/task.ts';
import { Report } from '../reports/report.ts';
import type { DispatchContext } from './context.ts';
import { type IntakeFolder, putAwayAs, reportFile } from './places.ts';
import { hasBytes } from './put-away.ts';
import type { Wanted } from './task-of.ts';
import type { Existing } from './unfit.ts';

const MAX_REPORT = 1_048_576;

/**
 * Who has an id already. The id of a dispatch file is unique in its home, whatever its project: its report has one place.
 *
 * The same file again (`same`) changes nothing: it is what a crash between the record and the move leaves behind.
 */
export type Known = { readonly kind: 'same' } | { readonly kind: 'other'; readonly existing: Existing };

export class KnownIds {
  readonly #context: Pick<DispatchContext, 'files' | 'store' | 'projectName'>;
  readonly #own: IntakeFolder;
  readonly #refs = new Map<string, TaskRef>();

  /** What the store knows now: made anew for each batch. */
  constructor(context: Pick<DispatchContext, 'files' | 'store' | 'projectName'>, own: IntakeFolder) {
    this.#context = context;
    this.#own = own;
    for (const { ref, dispatch } of context.store.outbox().values()) if (dispatch) this.#refs.set(dispatch.id, ref);
    for (const { project, id, dispatch } of context.store.open().values())
      if (dispatch) this.#refs.set(dispatch.id, { project, id });
  }

  async find(
    { document, bytes }: Wanted,
    file: { readonly name: string; readonly bytes: Uint8Array; readonly folder: IntakeFolder },
    project: Project,
  ): Promise<Known | undefined> {
    const { store, files } = this.#context;
    const { id } = document;
    const task = await store.get(this.#refs.get(id) ?? { project: project.id, id });
    const existing = task ? await this.#existing(task) : await this.#reported(id);
    if (!existing) return undefined;
    const same = task?.project === project.id && task.sha === shaOf(bytes);
    const kept = join(file.folder.accepted, putAwayAs(file.name, 1));
    return same || (await hasBytes(files, kept, file.bytes)) ? { kind: 'same' } : { kind: 'other', existing };
  }

  async #existing({ project, id, state }: OpenTask | FinishedTask): Promise<Existing> {
    const report = reportFile(this.#own, id);
    const there = (await this.#context.files.stat(report)) !== undefined;
    return { task: id, project: this.#context.projectName(project), state, ...(there && { report }) };
  }

  /** A report that lies there, of a task that the store has no record of any more. */
  async #reported(id: TaskId): Promise<Existing | undefined> {
    const report = reportFile(this.#own, id);
    const bytes = await this.#context.files.read(report, MAX_REPORT).catch(() => new Uint8Array());
    if (!bytes) return undefined;
    const said = Report.pick({ task: true, project: true, status: true }).partial().safeParse(json(bytes)).data;
    return { task: said?.task ?? id, project: said?.project ?? '', state: said?.status ?? 'unknown', report };
  }
}

function json(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return undefined;
  }
}
