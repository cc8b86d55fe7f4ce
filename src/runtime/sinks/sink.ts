import type { SinkView } from '../model/sink.ts';
import type { Need } from '../yard.ts';
import type { SinkEvent } from './event.ts';

/** Who is told events. Nothing here is waited for by whoever makes them. */
export interface SinkAtWork {
  /** The events of a new record, in order; returns at once. */
  take(seq: number, events: readonly SinkEvent[]): void;
  start(): void;
  stop(): Promise<void>;
  /** Something that counts for all sinks is configured otherwise. */
  configured(): void;
  view(): SinkView;
  needs(): Need[];
}
