import { keyOf } from '../model/ids.ts';
import type { OpenTask } from '../model/task.ts';
import { decodeBytes } from './bytes.ts';
import type { Ground } from './ground.ts';
import type { State } from './state.ts';

/** Reads the bytes of an open task from the journal: they are there as long as the task is open, whatever its file says. */
export class Bodies {
  readonly #ground: Ground;
  readonly #state: () => State;

  constructor(ground: Ground, state: () => State) {
    this.#ground = ground;
    this.#state = state;
  }

  async of(task: OpenTask): Promise<Uint8Array> {
    const key = keyOf(task);
    const place = (this.#state().open.get(key) ?? task).body; // the newest: an older segment may be gone
    const record = await this.#ground.journal.readRecord(place);
    for (const event of record?.events ?? []) {
      const about = 'task' in event && 'id' in event.task ? event.task : 'id' in event ? event : undefined;
      if ('bytes' in event && about?.id === task.id && about.project === task.project) return decodeBytes(event.bytes);
    }
    throw new Error(`the journal has no bytes of task ${task.id} at ${place.segment}`);
  }
}
