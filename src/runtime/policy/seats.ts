import type { Config } from '../model/config.ts';
import type { PaneView } from '../terminals.ts';

/** A seat as the configuration wants it. */
export interface WantedSeat {
  readonly name: string;
  readonly agent: 'claude' | 'codex' | 'gemini';
  readonly kind: 'dedicated' | 'autonomous';
  /** As configured: an absolute path or a configured name. */
  readonly project?: string;
}

/** Dedicated ones in their order, then the autonomous ones by their index. */
export function wantedSeats({ dedicated, autonomous }: Config['pool']): readonly WantedSeat[] {
  const { prefix, start_index, max, agent } = autonomous;
  return [
    ...dedicated.map((seat) => ({ ...seat, kind: 'dedicated' as const })),
    ...Array.from({ length: max }, (_, n) => ({
      name: `${prefix}${start_index + n}`,
      agent,
      kind: 'autonomous' as const,
    })),
  ];
}

/** What a look at tmux says about one seat. */
export type Placed =
  | { readonly kind: 'absent' }
  | { readonly kind: 'there'; readonly pane: PaneView }
  | { readonly kind: 'dead'; readonly pane: PaneView }
  | { readonly kind: 'foreign'; readonly detail: string };

/**
 * Where each seat is. A pane of ours is known by the name that is written on it, whatever its session is called now: people
 * rename sessions, split them and move panes. A name that something else bears is foreign, and is never written to.
 */
export function placeSeats(
  names: Iterable<string>,
  panes: readonly PaneView[],
  mark: string,
): ReadonlyMap<string, Placed> {
  const own = ownPanes(panes, mark);
  const bySession = grouped(panes, (pane) => pane.session);
  return new Map(
    [...new Set([...names, ...own.keys()])].map((name): [string, Placed] => {
      const [pane] = own.get(name) ?? [];
      if (pane) return [name, { kind: pane.life.kind === 'dead' ? 'dead' : 'there', pane }];
      const others = bySession.get(name);
      return [name, others ? { kind: 'foreign', detail: whose(name, others, mark) } : { kind: 'absent' }];
    }),
  );
}

/** The panes that bear each seat's name, the one that counts first: there may be two when a person had renamed one. */
export function ownPanes(panes: readonly PaneView[], mark: string): ReadonlyMap<string, readonly PaneView[]> {
  const ours = panes.filter((pane) => pane.home === mark && pane.facts.name !== undefined);
  const order = (pane: PaneView) => (pane.life.kind === 'live' ? 0 : 2) + (waitsForWork(pane) ? 1 : 0);
  const sorted = ours.sort((a, b) => order(a) - order(b) || numberOf(a) - numberOf(b));
  return grouped(sorted, (pane) => pane.facts.name ?? '');
}

function grouped(panes: readonly PaneView[], by: (pane: PaneView) => string): ReadonlyMap<string, readonly PaneView[]> {
  const groups = new Map<string, PaneView[]>();
  for (const pane of panes) groups.set(by(pane), [...(groups.get(by(pane)) ?? []), pane]);
  return groups;
}

function numberOf(pane: PaneView): number {
  return Number(pane.pane.slice(1));
}

function whose(name: string, panes: readonly PaneView[], mark: string): string {
  const ours = panes.find((pane) => pane.home === mark && pane.facts.name !== undefined);
  if (ours) return `its name is taken: the session of ${ours.facts.name} was renamed to ${name}`;
  if (panes.some((pane) => pane.home !== undefined)) return `a session ${name} belongs to another home of Yardmaster`;
  return `a session ${name} exists that Yardmaster did not make; it runs ${runs(panes)}`;
}

export function runs(panes: readonly PaneView[]): string {
  return [...new Set(panes.map((pane) => pane.command || 'nothing'))].slice(0, 5).join(', ');
}

/** The pool's own placeholder is in it, as far as its facts say. */
export function waitsForWork({ facts }: PaneView): boolean {
  return facts.state === 'idle' && facts.task === undefined && facts.agent_session === undefined;
}

/** Taken over from a person, and not used since. */
export function isAdopted({ facts }: PaneView): boolean {
  return facts.state === 'adopted';
}

const WAITS = ['cat', 'sh', 'bash', 'dash', 'ash', 'busybox', 'zsh', 'fish', 'ksh', 'mksh', 'csh', 'tcsh'];

/**
 * A program that a person started in a seat: in one that was adopted, or in place of the placeholder. Nobody but him ends
 * it; a shell at its prompt is none.
 */
export function occupantOf(pane: PaneView): string | undefined {
  if (pane.life.kind !== 'live' || !(waitsForWork(pane) || isAdopted(pane))) return undefined;
  const command = pane.command.replace(/^-/, '');
  return command === '' || WAITS.includes(command) ? undefined : command;
}
