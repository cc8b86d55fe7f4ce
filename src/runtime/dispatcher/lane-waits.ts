import type { Event, JournalRecord } from '../model/event.ts';
import { keyOf, type ProjectId, type TaskRef } from '../model/ids.ts';
import { plainLine } from '../model/plain-text.ts';
import type { Route } from '../model/route.ts';
import type { Clock, TaskStore } from '../ports.ts';
import type { Lane } from './ready.ts';

/*
 * Tells that tasks begin to wait because no configured agent could ever take them, or because allowance is spent.
 *
 * W1. A lane is told of once for each of the two reasons: again only after something of it ran, after it was empty, or
 *     after the reason was another one. A lane that goes is forgotten with all that is remembered of it.
 * W2. Lanes of a project that wait alike are told of as one, with the number of their tasks. A project tells at most
 *     `MOST` different waits of a kind at a time, the last of them for all the others; and those that wait alike again
 *     are told of no sooner than `PAUSE_MS` after the last time.
 * W3. Nothing waits for this: the dispatcher only leaves a note, and what is told is gathered and written later.
 * W4. A restart tells nothing anew that still stands: what was told of a task that has not moved since is known from the
 *     newest records. What those do not reach is told once more, within the bounds of W2.
 * W5. What can't be written now, on a full disk, is told later, within the same bounds.
 */

type Kind = 'dispatch_failed_no_agent' | 'dispatch_failed_quota';
type Told = Extract<Event, { type: Kind }>;

interface Wait {
  readonly kind: Kind;
  readonly detail: string;
  readonly until?: number | undefined;
}

const GATHER_MS = 500;
const PAUSE_MS = 60_000;
const MOST = 5;
const LONGEST_DETAIL = 500;
const REMEMBERED = 2_000;
/** Newest records that are looked at when it starts. */
const LOOKED_AT = 2_000;

export interface LaneWaitsParts {
  readonly store: Pick<TaskStore, 'open' | 'record'>;
  readonly clock: Clock;
  /** The newest records, oldest first. */
  readonly newest: (limit: number) => Promise<readonly JournalRecord[]>;
  readonly report: (problem: unknown) => void;
}

export class LaneWaits {
  readonly #parts: LaneWaitsParts;
  /** By lane, what was told of it, or is about to be (W1). */
  readonly #known = new WeakMap<Lane, Kind>();
  readonly #untold = new Map<Lane, Wait>();
  /** What an earlier runtime told, by what waits alike (W4). */
  readonly #earlier = new Map<string, { readonly event: Told; readonly seq: number }>();
  /** When those that wait alike were told of last (W2); oldest first. */
  readonly #told = new Map<string, number>();
  #life: { telling: Promise<void>; cancel?: (() => void) | undefined } | undefined;

  constructor(parts: LaneWaitsParts) {
    this.#parts = parts;
  }

  /** W4 */
  async start(): Promise<void> {
    if (this.#life) return;
    for (const { seq, events } of await this.#parts.newest(LOOKED_AT))
      for (const event of events) if (isTold(event)) this.#earlier.set(keyFor(event), { event, seq });
    this.#life = { telling: Promise.resolve() };
    this.#soon(GATHER_MS);
  }

  async stop(): Promise<void> {
    const life = this.#life;
    this.#life = undefined;
    life?.cancel?.();
    await life?.telling;
  }

  /** The head of this lane was looked at, and has to wait. */
  waits(lane: Lane, route: Route): void {
    const kind = kindOf(route);
    if (!kind) {
      if (route.to === 'wait' && route.reason === 'no_free_agent') this.ran(lane); // somebody could take it now
      return;
    }
    if (this.#known.get(lane) === kind) return; // W1
    this.#known.set(lane, kind);
    this.#untold.set(lane, { kind, ...whyIn(route) });
    this.#soon(GATHER_MS);
  }

  /** Something of this lane is about to run. */
  ran(lane: Lane): void {
    this.#known.delete(lane);
    this.#untold.delete(lane);
  }

  /** W3 */
  #soon(ms: number): void {
    const life = this.#life;
    if (!life || life.cancel || this.#untold.size === 0) return;
    life.cancel = this.#parts.clock.after(ms, () => {
      life.cancel = undefined;
      life.telling = this.#tell().catch(this.#parts.report);
    });
  }

  async #tell(): Promise<void> {
    const { store, clock } = this.#parts;
    const now = clock.now();
    const before = [...this.#untold];
    const events = this.#gather(now);
    try {
      await Promise.all(events.map((event) => store.record(event, { by: 'dispatcher' })));
    } catch (error) {
      for (const [lane, wait] of before) if (this.#known.get(lane) === wait.kind) this.#untold.set(lane, wait); // W5
      throw error;
    } finally {
      this.#soon(PAUSE_MS);
    }
  }

  /** W2 */
  #gather(now: number): Told[] {
    const alike = new Map<string, Told>();
    const counts = new Map<string, number>();
    for (const [lane, wait] of this.#untold) {
      const head = lane.line.head?.task;
      if (!head) this.#untold.delete(lane);
      else this.#add(alike, counts, { lane, wait, ref: { project: head.project, id: head.id } }, now);
    }
    for (const key of alike.keys()) this.#remember(key, now);
    return [...alike.values()];
  }

  #add(
    alike: Map<string, Told>,
    counts: Map<string, number>,
    { lane, wait, ref }: { readonly lane: Lane; readonly wait: Wait; readonly ref: TaskRef },
    now: number,
  ): void {
    const { kind, detail, until } = wait;
    const group = `${lane.project} ${kind}`;
    const mine: Told = { type: kind, ...ref, detail, waiting: 0, ...(until !== undefined && { until }) };
    const full = !alike.has(keyFor(mine)) && (counts.get(group) ?? 0) >= MOST - 1;
    const told = full ? { ...mine, detail: OTHERS } : mine;
    const key = keyFor(told);
    if (this.#stands(key, now)) {
      this.#untold.delete(lane); // W4
      return;
    }
    if (!alike.has(key)) {
      const last = this.#told.get(key) ?? Number.NEGATIVE_INFINITY;
      if (now >= last && now - last < PAUSE_MS) return; // W2: it stays for the next time
      counts.set(group, (counts.get(group) ?? 0) + 1);
    }
    const { waiting } = alike.get(key) ?? told;
    alike.set(key, { ...(alike.get(key) ?? told), waiting: waiting + lane.line.size });
    this.#untold.delete(lane);
  }

  /** The task that it named waits as it did, and what it waits for has not come: so do those that wait alike. */
  #stands(key: string, now: number): boolean {
    const earlier = this.#earlier.get(key);
    if (!earlier) return false;
    const { event, seq } = earlier;
    const task = this.#parts.store.open().get(keyOf(event));
    if (task?.state === 'queued' && task.changed_seq < seq && (event.until ?? now + 1) > now) return true;
    this.#earlier.delete(key);
    return false;
  }

  #remember(key: string, at: number): void {
    this.#told.delete(key);
    this.#told.set(key, at);
    if (this.#told.size > REMEMBERED) this.#told.delete(this.#told.keys().next().value as string);
  }
}

const OTHERS = 'others wait for other reasons: decide_route says why for each';

function isTold(event: Event): event is Told {
  return event.type === 'dispatch_failed_no_agent' || event.type === 'dispatch_failed_quota';
}

/** Numbers and times in a detail change as time goes by: what is otherwise the same is alike. */
function keyFor({ type, project, detail }: { type: Kind; project: ProjectId; detail: string }): string {
  return `${project} ${type} ${detail.replace(/\d+/g, '#')}`;
}

/** A limit without an end by the clock, such as how many work at once, only lacks room. */
function kindOf(route: Route): Kind | undefined {
  if (route.to === 'refuse') return 'dispatch_failed_no_agent';
  if (route.to !== 'wait') return undefined;
  const { reason, until } = route;
  if (reason === 'no_eligible_agent') return 'dispatch_failed_no_agent';
  return reason === 'allowance' && until !== undefined ? 'dispatch_failed_quota' : undefined;
}

function whyIn(route: Route): Omit<Wait, 'kind'> {
  const detail = route.to === 'refuse' ? route.reason : route.to === 'wait' ? (route.detail ?? route.reason) : '';
  const until = route.to === 'wait' ? route.until : undefined;
  return { detail: plainLine(detail).slice(0, LONGEST_DETAIL), until };
}
