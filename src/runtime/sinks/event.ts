import type { JournalRecord } from '../model/event.ts';
import type { ProjectId } from '../model/ids.ts';
import { type ProjectNames, shownIn } from '../model/shown-event.ts';
import { eventPattern, type Gap, type Sink } from '../model/sink.ts';

/** One event as sinks are told it. */
export interface SinkEvent {
  readonly seq: number;
  /** Which one of its record, from 0. */
  readonly part: number;
  readonly at: number;
  readonly type: string;
  readonly of: ProjectId | undefined;
  readonly project: string | undefined;
  /** As JSON: made once for all sinks, when the first one wants it. */
  readonly text: () => string;
}

export function eventsOf(record: JournalRecord, names: ProjectNames): SinkEvent[] {
  const { seq, at } = record;
  return shownIn(record, names).map(({ of, event }, part) => {
    const project = of && names(of);
    return { seq, part, at, type: event.type, of, project, text: once(() => event) };
  });
}

export type Wanted = (event: SinkEvent) => boolean;

/**
 * Which events a sink is told. Of gaps it hears of its own alone, from itself: so no gap ever makes another, however
 * many sinks are in trouble.
 */
export function wantedBy({ events, projects }: Pick<Sink, 'events' | 'projects'>): Wanted {
  const patterns = events.map(eventPattern);
  const known = new Map<string, boolean>([['sink_gap', false]]);
  const named = (type: string): boolean => {
    const wanted = known.get(type) ?? patterns.some((pattern) => pattern.test(type));
    known.set(type, wanted);
    return wanted;
  };
  if (projects === undefined) return ({ type }) => named(type);
  const those = new Set(projects);
  return ({ type, of, project }) => named(type) && of !== undefined && (those.has(of) || those.has(project ?? ''));
}

/** The gap as the sink itself is told it, before what comes after. */
export function gapText(sink: string, { from, to, count, why }: Gap, at: number): string {
  const head = { id: `gap.${from}-${to}`, type: 'sink_gap', at: new Date(at).toISOString(), by: 'runner' };
  return JSON.stringify({ ...head, sink, from, to, count, why });
}

/** Two gaps with nothing told between them. */
export function joined(first: Gap | undefined, { from, to, count, why }: Gap): Gap {
  if (first === undefined) return { from, to, count, why };
  return { from: Math.min(first.from, from), to: Math.max(first.to, to), count: first.count + count, why };
}

function once(make: () => object): () => string {
  let text: string | undefined;
  return () => {
    text ??= JSON.stringify(make());
    return text;
  };
}
