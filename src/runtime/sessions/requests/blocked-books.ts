import { z } from 'zod';
import { ProjectId, TaskId } from '../../model/ids.ts';
import type { SessionRequest } from '../../model/session.ts';
import type { Cause } from '../../model/task.ts';
import type { Files, TaskStore } from '../../ports.ts';

/*
 * What the journal says of open requests. A note beside the request's pipe stands as long as the journal calls the task
 * blocked on it, so that neither a restart tells it twice nor its end is never told.
 */

const Note = z.object({
  id: z.string(),
  project: ProjectId,
  task: TaskId,
  attempt: z.number(),
  session: z.string(),
});
type Note = z.infer<typeof Note>;

const SUFFIX = '.blocked';

interface Ports {
  readonly store: Pick<TaskStore, 'record'>;
  readonly files: Pick<Files, 'list' | 'read' | 'replace' | 'remove'>;
  readonly say: (level: 'warn', message: string, facts?: Readonly<Record<string, unknown>>) => void;
}

export class BlockedBooks {
  readonly #ports: Ports;
  #writing: Promise<void> = Promise.resolve();

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  blocked(request: SessionRequest, pipe: string): void {
    const { files, store } = this.#ports;
    this.#next(async () => {
      if ((await this.#noteAt(pipe + SUFFIX)) !== undefined) return; // told before a restart
      const note = noteOf(request);
      const detail = `${request.tool}: ${request.input}`.slice(0, 1_000);
      await store.record({ type: 'task_blocked', ...eventOf(note), on: request.kind, detail }, { by: 'runner' });
      await files.replace(pipe + SUFFIX, new TextEncoder().encode(`${JSON.stringify(note)}\n`));
    });
  }

  unblocked(request: SessionRequest, pipe: string, how: string, cause: Cause): void {
    this.#next(() => this.#over(noteOf(request), pipe + SUFFIX, how, cause));
  }

  /** What was blocked when the runtime before went away, and is not any more. */
  async recovered(run_dir: string, open: ReadonlySet<string>): Promise<void> {
    this.#next(async () => {
      const names = ((await this.#ports.files.list(`${run_dir}/answers`)) ?? []).map(({ name }) => name);
      for (const name of names.filter((one) => one.endsWith(SUFFIX))) {
        const path = `${run_dir}/answers/${name}`;
        const note = await this.#noteAt(path);
        if (note === undefined || open.has(path.slice(0, -SUFFIX.length))) continue;
        await this.#over(note, path, 'ended while nobody watched', { by: 'recovery' });
      }
    });
    await this.written();
  }

  async written(): Promise<void> {
    await this.#writing;
  }

  async #over(note: Note, path: string, how: string, cause: Cause): Promise<void> {
    await this.#ports.store.record({ type: 'task_unblocked', ...eventOf(note), how }, cause);
    await this.#ports.files.remove(path);
  }

  async #noteAt(path: string): Promise<Note | undefined> {
    const bytes = await this.#ports.files.read(path, 10_000);
    if (bytes === undefined) return undefined;
    try {
      return Note.safeParse(JSON.parse(new TextDecoder().decode(bytes))).data;
    } catch {
      return undefined;
    }
  }

  /** One after the other: an end is never told before its beginning. */
  #next(write: () => Promise<void>): void {
    this.#writing = this.#writing.then(write).catch((error: unknown) => {
      this.#ports.say('warn', 'a blocked session could not be written down', { error });
    });
  }
}

function noteOf({ id, task, attempt, session }: SessionRequest): Note {
  return { id, project: task.project, task: task.id, attempt, session };
}

function eventOf({ id, project, task, attempt, session }: Note) {
  return { project, id: task, attempt, session, request: id };
}
