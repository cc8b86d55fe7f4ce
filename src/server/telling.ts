import type { LoggingLevel, Server } from '@modelcontextprotocol/server';
import type { JournalRecord } from '../runtime/model/event.ts';
import { shownIn } from '../runtime/model/shown-event.ts';
import type { EventName } from '../runtime/model/told/table.ts';
import type { Caller, Yard } from '../runtime/yard.ts';

/*
 * Events as messages of logging, for a client of the older protocol that asked for them by a level.
 *
 * L1. Before it asks, nothing is listened to and nothing is sent.
 * L2. Nothing is kept for a client: while it does not read what it was sent before, events are counted, and it is told how
 *     many those were with the next one that finds room.
 */

const LEVELS = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'] as const;
const LOGGER = 'yardmaster';

const ERRORS: ReadonlySet<EventName> = new Set(['task_failed', 'task_dead_lettered', 'session_died']);
const WARNINGS: ReadonlySet<EventName> = new Set([
  ...(['task_blocked', 'dispatch_failed_no_agent', 'dispatch_failed_quota', 'quota_warning'] as const),
  ...(['quota_exceeded', 'profile_paused', 'drop_rejected', 'worker_left', 'sink_gap'] as const),
]);

export interface TellingParts {
  readonly server: Pick<Server, 'notification'>;
  readonly yard: Yard;
  readonly caller: Caller;
  /** The client does not read what was sent. */
  readonly congested: () => boolean;
  readonly failed: (error: unknown) => void;
}

export class Telling {
  readonly #parts: TellingParts;
  readonly #unfollow: () => void;
  #level: LoggingLevel;
  #missed: { from: number; to: number; count: number } | undefined;

  constructor(parts: TellingParts, level: LoggingLevel) {
    this.#parts = parts;
    this.#level = level;
    this.#unfollow = parts.yard.follow((record) => this.#take(record));
  }

  set level(level: LoggingLevel) {
    this.#level = level;
  }

  stop(): void {
    this.#unfollow();
  }

  #take(record: JournalRecord): void {
    const { yard, caller, congested } = this.#parts;
    const seen = shownIn(record, (id) => yard.projectName(id)).filter(
      ({ of, event }) =>
        (caller.principal === 'owner' || of === caller.task.project) && this.#wants(levelOf(event.type)),
    );
    if (seen.length === 0) return;
    if (congested())
      this.#miss(record.seq, seen.length); // L2
    else {
      this.#tellMissed();
      for (const { event } of seen) this.#send(levelOf(event.type), event);
    }
  }

  #wants(level: LoggingLevel): boolean {
    return LEVELS.indexOf(level) >= LEVELS.indexOf(this.#level);
  }

  #miss(seq: number, count: number): void {
    this.#missed ??= { from: seq, to: seq, count: 0 };
    this.#missed.to = seq;
    this.#missed.count += count;
  }

  #tellMissed(): void {
    const missed = this.#missed;
    this.#missed = undefined;
    const why = 'they came faster than this client read them; `events` has them';
    if (missed) this.#send('warning', { type: 'gap', ...missed, why });
  }

  #send(level: LoggingLevel, data: object): void {
    this.#parts.server
      .notification({ method: 'notifications/message', params: { level, logger: LOGGER, data } })
      .catch(this.#parts.failed);
  }
}

function levelOf(type: EventName): LoggingLevel {
  if (ERRORS.has(type)) return 'error';
  return WARNINGS.has(type) ? 'warning' : 'info';
}
