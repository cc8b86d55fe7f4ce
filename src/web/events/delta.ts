import type { JournalRecord } from '../../runtime/model/event.ts';
import { type ProjectNames, type Shown, shownIn } from '../../runtime/model/shown-event.ts';
import type { Caller } from '../../runtime/yard.ts';

/*
 * A record as a stream shows it. What belongs to the journal alone stays there, the names of calls too.
 */

export interface Delta {
  readonly seq: number;
  /** As the caller may see it, ready to be sent; undefined where nothing of it is the caller's to see. */
  textFor(caller: Caller): string | undefined;
  /** Roughly, in bytes. */
  readonly size: number;
}

export function deltaOf(record: JournalRecord, projectName: ProjectNames): Delta {
  const { seq, at, cause } = record;
  const shown = shownIn(record, projectName);
  const text = (those: readonly Shown[]): string | undefined => {
    if (those.length === 0) return undefined;
    const events = those.map(({ event }) => event);
    return frame('change', seq, { seq, at: new Date(at).toISOString(), by: cause.by, events });
  };
  const whole = text(shown);
  return {
    seq,
    size: 200 + 2 * (whole?.length ?? 0),
    textFor: (caller) =>
      caller.principal === 'owner' ? whole : text(shown.filter(({ of }) => of === caller.task.project)),
  };
}

/** One event of the stream, as `EventSource` reads it. */
export function frame(event: string, id: number, data: unknown): string {
  return `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
