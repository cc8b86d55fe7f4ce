import type { ProjectId } from '../model/ids.ts';
import type { Priority } from '../model/spec.ts';

/*
 * Which waiting task goes next.
 *
 * O1. Level: a task starts at its priority (critical 0, high 1, default 2, low 3) and rises one level for every
 *     `age_step` that it has been ready, up to 0. The lowest level number goes first.
 * O2. Between projects with tasks at that level: the one that has had least for its weight (start-time fair queueing;
 *     a project that had nothing to run, or nothing at this level, saves up no credit). Ties: the older task.
 * O3. Inside the project, tasks of that very priority go before tasks that age has raised to it, but after
 *     three of them in a row one raised task goes, if one waits. So ten thousand old low tasks don't stand in the way
 *     of a fresh critical one, and a stream of critical ones does not keep the low ones out.
 * O4. Among equals the one that has been ready longest, then the one that arrived first.
 *
 * The longest possible wait of a task that has somewhere to run, in a project of weight w with r older raised tasks:
 * at most 3 × age_step, and from then on `longestWait(...)` dispatches: 4 × (r + 1) turns of its own project (O3),
 * and between two turns of it at most w_j / w + 1 of every other project j (O2).
 * With one project: 4 × (r + 1) dispatches. With 10,000 raised tasks of another project of the same weight and
 * none older in its own: 4 × (1 + 2) = 12. What can't run now (no agent, project limit, busy checkout) is passed over
 * and counts as waiting.
 */

const NATIVE_IN_A_ROW = 3;
const BASE: Readonly<Record<Priority, number>> = { critical: 0, high: 1, default: 2, low: 3 };

/** The head of a line of tasks that are alike to the order. */
export interface Head {
  readonly project: ProjectId;
  readonly priority: Priority;
  /** Since when it has been ready to run. */
  readonly since: number;
  readonly seq: number;
}

export function baseLevel(priority: Priority): number {
  return BASE[priority];
}

export function levelOf(head: Head, now: number, ageStep: number): number {
  const raised = ageStep > 0 ? Math.floor(Math.max(0, now - head.since) / ageStep) : 0;
  return Math.max(0, BASE[head.priority] - raised); // O1
}

/** The bound of the head comment, in dispatches, once a task has been ready for 3 × age_step. */
export function longestWait(olderRaised: number, weight: number, otherWeights: readonly number[]): number {
  const perTurn = otherWeights.reduce((sum, other) => sum + other / weight + 1, 1);
  return Math.ceil((NATIVE_IN_A_ROW + 1) * (olderRaised + 1) * perTurn);
}

export interface Choice<H extends Head> {
  readonly head: H;
  readonly raised: boolean;
  /** A raised task of the same project waited at the same level. */
  readonly passed: boolean;
}

/** What every project has had so far. Kept in memory: after a restart all start even. */
export class Turns {
  #now = 0;
  readonly #of = new Map<ProjectId, { tag: number; natives: number }>();

  /** When it is this project's turn; the smallest goes first. */
  tag(project: ProjectId): number {
    return Math.max(this.#now, this.#of.get(project)?.tag ?? 0);
  }

  owesRaised(project: ProjectId): boolean {
    return (this.#of.get(project)?.natives ?? 0) >= NATIVE_IN_A_ROW;
  }

  /** To be called for every choice that really started. */
  took(choice: Choice<Head>, weight: number): void {
    const { project } = choice.head;
    const tag = this.tag(project);
    this.#now = tag;
    const before = this.#of.get(project)?.natives ?? 0;
    const natives = choice.raised ? 0 : before + (choice.passed ? 1 : 0);
    this.#of.set(project, { tag: tag + 1 / weight, natives });
  }
}

/** The next task among the heads of all lines, or nothing when there is none. */
export function chooseNext<H extends Head>(
  heads: Iterable<H>,
  turns: Turns,
  now: number,
  ageStep: number,
): Choice<H> | undefined {
  let lowest = Number.POSITIVE_INFINITY;
  const projects = new Map<ProjectId, { native?: H; raised?: H }>();
  for (const head of heads) {
    const level = levelOf(head, now, ageStep);
    if (level > lowest) continue;
    if (level < lowest) projects.clear();
    lowest = level;
    const mine = projects.get(head.project) ?? {};
    const slot = level === BASE[head.priority] ? 'native' : 'raised';
    if (!mine[slot] || older(head, mine[slot]) < 0) mine[slot] = head;
    projects.set(head.project, mine);
  }
  let best: Choice<H> | undefined;
  for (const [project, mine] of projects) {
    const choice = within(mine, turns.owesRaised(project));
    if (choice && (!best || before(choice.head, best.head, turns))) best = choice;
  }
  return best;
}

/** O3. */
function within<H extends Head>(mine: { native?: H; raised?: H }, owed: boolean): Choice<H> | undefined {
  const { native, raised } = mine;
  if (raised && (!native || owed)) return { head: raised, raised: true, passed: false };
  return native && { head: native, raised: false, passed: raised !== undefined };
}

function before(a: Head, b: Head, turns: Turns): boolean {
  return (turns.tag(a.project) - turns.tag(b.project) || older(a, b)) < 0; // O2, O4
}

function older(a: { since: number; seq: number }, b: { since: number; seq: number }): number {
  return a.since - b.since || a.seq - b.seq; // O4
}
