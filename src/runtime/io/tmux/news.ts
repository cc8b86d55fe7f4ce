import type { PaneView, TmuxNews } from '../../terminals.ts';

/**
 * What changed among the panes of one home, found by comparing looks. Hints only make somebody look: a lost one is made
 * good by the next look, and a false one finds nothing.
 */
export class PaneNews {
  readonly #tell: (news: TmuxNews) => void;
  #known = new Map<string, PaneView>();

  constructor(tell: (news: TmuxNews) => void) {
    this.#tell = tell;
  }

  /** All panes of ours, as one look saw them. */
  see(panes: readonly PaneView[]): void {
    const before = this.#known;
    this.#known = new Map(panes.map((pane) => [pane.pane, pane]));
    for (const pane of panes) this.#compare(before.get(pane.pane), pane);
    for (const [id, pane] of before) if (!this.#known.has(id)) this.#tell({ kind: 'closed', pane });
  }

  /** Their server has ended. */
  forget(): void {
    this.see([]);
  }

  #compare(before: PaneView | undefined, now: PaneView): void {
    if (before !== undefined && before.session !== now.session) {
      this.#tell({ kind: 'renamed', pane: now, from: before.session });
    }
    const wasDead = before?.life.kind === 'dead' && before.pid === now.pid;
    if (now.life.kind === 'dead' && !wasDead) this.#tell({ kind: 'died', pane: now });
  }
}
