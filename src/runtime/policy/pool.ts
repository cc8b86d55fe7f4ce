import type { PaneView } from '../terminals.ts';
import { isAdopted, occupantOf, ownPanes, type Placed, placeSeats, type WantedSeat, waitsForWork } from './seats.ts';

/**
 * What the pool does after a look: which sessions are made, made again and closed.
 *
 * L1. A seat with a live attempt is left alone, whatever it looks like: its end is for the attempt to find out.
 * L2. Only panes with our mark are touched, and of those none in which a person's program runs.
 * L3. Dedicated seats and `min` autonomous ones are kept alive; never are there more than the configuration names.
 * L4. When the steps are done nothing is left to do, but for names that people had mixed up: these take some rounds.
 */
export interface PoolView {
  readonly wanted: readonly WantedSeat[];
  /** Autonomous ones to be kept alive. */
  readonly min: number;
  readonly panes: readonly PaneView[];
  readonly mark: string;
  readonly live: ReadonlySet<string>;
  /** Somebody keeps work from these: they stay as they are. */
  readonly held?: ReadonlySet<string>;
  /** Nothing is started in these now. */
  readonly cooling: ReadonlySet<string>;
  /** A person uses the agent that an attempt left there. */
  readonly in_use: ReadonlySet<string>;
  /** Their attempt is over and nothing of it shall stay. */
  readonly released: ReadonlySet<string>;
  /** How long each has had no attempt and nobody using it. */
  readonly idle_ms: ReadonlyMap<string, number>;
  readonly shrink_after: number;
  readonly linger: number;
}

export type PoolStep =
  | { readonly kind: 'create'; readonly seat: WantedSeat }
  /** The placeholder takes the place of what is there: of something that has ended, or of an agent that is done. */
  | { readonly kind: 'rest'; readonly name: string; readonly pane: PaneView; readonly why: 'ended' | 'done' }
  | { readonly kind: 'close'; readonly name: string; readonly pane: PaneView; readonly why: CloseReason };
export type CloseReason = 'idle' | 'removed' | 'double';

export function planPool(view: PoolView): readonly PoolStep[] {
  const wanted = new Map(view.wanted.map((seat) => [seat.name, seat]));
  const placed = placeSeats(wanted.keys(), view.panes, view.mark);
  const closing = shrink(view, placed);
  const goes = new Set(closing.map(({ name }) => name));
  const steps = [...placed].flatMap(([name, at]) => {
    if (view.live.has(name) || !('pane' in at) || goes.has(name)) return []; // L1
    return wanted.has(name) ? kept(view, name, at.pane) : removed(view, name, at.pane);
  });
  return [...steps, ...grow(view, placed), ...closing, ...doubles(view)];
}

function kept(view: PoolView, name: string, pane: PaneView): PoolStep[] {
  if (pane.life.kind !== 'live') return view.cooling.has(name) ? [] : [{ kind: 'rest', name, pane, why: 'ended' }];
  return isDone(view, name, pane) ? [{ kind: 'rest', name, pane, why: 'done' }] : [];
}

function removed(view: PoolView, name: string, pane: PaneView): PoolStep[] {
  return isOver(view, name, pane) ? [{ kind: 'close', name, pane, why: 'removed' }] : [];
}

/** Nothing in it is of use to anybody. L2 */
function isOver(view: PoolView, name: string, pane: PaneView): boolean {
  return pane.life.kind !== 'live' || isDone(view, name, pane) || isFree(view, name, pane);
}

/** An agent that an attempt left open, and that nobody looks after any more. */
function isDone(view: PoolView, name: string, pane: PaneView): boolean {
  if (waitsForWork(pane) || isAdopted(pane)) return false;
  if (view.released.has(name)) return true;
  return !view.in_use.has(name) && (view.idle_ms.get(name) ?? 0) >= view.linger;
}

/** Nothing but the placeholder is in it. L2 */
function isFree(view: PoolView, name: string, pane: PaneView): boolean {
  return waitsForWork(pane) && occupantOf(pane) === undefined && !view.in_use.has(name);
}

/** L3: one that its attempt is about to make counts as well. */
function grow(view: PoolView, placed: ReadonlyMap<string, Placed>): PoolStep[] {
  const missing = view.wanted.filter(({ name }) => placed.get(name)?.kind === 'absent');
  const can = missing.filter(({ name }) => !view.live.has(name) && !view.cooling.has(name));
  const coming = missing.filter(({ name, kind }) => kind === 'autonomous' && view.live.has(name));
  const lacking = Math.max(0, view.min - numbered(view, placed).length - coming.length);
  const more = [
    ...can.filter(({ kind }) => kind === 'dedicated'),
    ...can.filter(({ kind }) => kind === 'autonomous').slice(0, lacking),
  ];
  return more.map((seat) => ({ kind: 'create', seat }));
}

/** L3: those with the highest index go first, and none that somebody looks at, or holds. */
function shrink(view: PoolView, placed: ReadonlyMap<string, Placed>): Extract<PoolStep, { kind: 'close' }>[] {
  const there = numbered(view, placed);
  const surplus = Math.max(0, there.length - view.min);
  const idle = there.flatMap(({ name }) => {
    const at = placed.get(name);
    if (!at || !('pane' in at) || view.live.has(name) || view.held?.has(name) || at.pane.attached > 0) return [];
    const isIdle = (view.idle_ms.get(name) ?? 0) >= view.shrink_after;
    if (!isIdle || !isOver(view, name, at.pane)) return [];
    return [{ kind: 'close' as const, name, pane: at.pane, why: 'idle' as const }];
  });
  return idle.slice(Math.max(0, idle.length - surplus));
}

/** The autonomous seats that are there. */
function numbered({ wanted }: PoolView, placed: ReadonlyMap<string, Placed>): WantedSeat[] {
  return wanted.filter(({ name, kind }) => kind === 'autonomous' && 'pane' in (placed.get(name) ?? {}));
}

/** A second pane of one name: of a session that was renamed while nothing could be seen. */
function doubles(view: PoolView): PoolStep[] {
  return [...ownPanes(view.panes, view.mark)].flatMap(([name, [, ...more]]) =>
    view.live.has(name)
      ? []
      : more
          .filter((pane) => isOver(view, name, pane))
          .map((pane): PoolStep => ({ kind: 'close', name, pane, why: 'double' })),
  );
}
