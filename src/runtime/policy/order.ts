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
 * O5. Where not every task can use every place, a project may have had its share elsewhere whenever the one place comes
 *     free that its task waits for. So whoever was passed over at the lowest level for as long as the bound below goes
 *     next, and its project's turn is used by that.
 *
 * The longest possible wait of a task that has somewhere to run, in a project of weight w with r older raised tasks:
 * at most 3 × age_step, and from then on `longestWait(...)` dispatches: 4 × (r + 1) turns of its own project (O3),
 * and between two turns of it at most w_j / w + 1 of every other project j (O2, O5). `r` counts all that is older at the
 * top, where the task is itself of that priority; dispatches count when it could have had the place, and where not
 * every task can use every place it is at most twice as many (O5).
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
  /** The line that it stands in: one for all that are alike. */
  readonly lane: object;
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
  /** O5: it goes before its project's turn. */
  readonly overdue?: true;
  /** The heads that could have gone instead. */
  readonly others: readonly Head[];
}

/** What every project has had so far. Kept in memory: after a restart all start even. */
export class Turns {
  #now = 0;
  readonly #weightOf: (project: ProjectId) => number;
  readonly #of = new Map<ProjectId, { start: number; natives: number }>();
  /** O5: how often the head of a line was passed over. */
  readonly #passed = new WeakMap<object, number>();

  /** Asked each time: a weight that is changed counts from the next choice on. */
  constructor(weightOf: (project: ProjectId) => number = () => 1) {
    this.#weightOf = weightOf;
  }

  weight(project: ProjectId): number {
    return this.#weightOf(project);
  }

  /** When it is this project's turn; the smallest goes first. */
  tag(project: ProjectId): number {
    const last = this.#of.get(project);
    return last ? Math.max(this.#now, last.start + 1 / this.weight(project)) : this.#now;
  }

  owesRaised(project: ProjectId): boolean {
    return (this.#of.get(project)?.natives ?? 0) >= NATIVE_IN_A_ROW;
  }

  passedOver({ lane }: Head): number {
    return this.#passed.get(lane) ?? 0;
  }

  /** To be called for every choice that really starts. */
  took({ head, raised, passed, overdue, others }: Choice<Head>): void {
    const { project } = head;
    const tag = this.tag(project);
    const start = overdue ? Math.min(tag, this.#now + 1 / this.weight(project)) : tag;
    if (!overdue) this.#now = tag;
    const before = this.#of.get(project)?.natives ?? 0;
    this.#of.set(project, { start, natives: raised ? 0 : before + (passed ? 1 : 0) });
    for (const other of others) this.#passed.set(other.lane, this.passedOver(other) + 1);
    this.#passed.delete(head.lane);
  }

  /** Nothing of it started after all: it keeps its turn. */
  gaveBack({ head: { project }, raised }: Choice<Head>): void {
    const had = this.#of.get(project);
    if (!had) return;
    const start = had.start - 1 / this.weight(project);
    this.#of.set(project, { start, natives: raised ? NATIVE_IN_A_ROW : had.natives });
  }
}

interface Candidates<H extends Head> {
  native?: H;
  raised?: H;
}

/** The next task among the heads of all lines, or nothing when there is none. */
export function chooseNext<H extends Head>(
  heads: Iterable<H>,
  turns: Turns,
  now: number,
  ageStep: number,
): Choice<H> | undefined {
  const projects = atLowestLevel(heads, now, ageStep);
  let chosen: Omit<Choice<H>, 'others'> | undefined = overdue(projects, turns);
  if (!chosen) {
    for (const [project, mine] of projects) {
      const choice = within(mine, turns.owesRaised(project));
      if (choice && (!chosen || before(choice.head, chosen.head, turns))) chosen = choice;
    }
  }
  if (!chosen) return undefined;
  const others: H[] = [];
  for (const { native, raised } of projects.values()) {
    if (native && native !== chosen.head) others.push(native);
    if (raised && raised !== chosen.head) others.push(raised);
  }
  return { ...chosen, others };
}

/** O1: of each project the oldest of that very priority, and the oldest that age has raised to it. */
function atLowestLevel<H extends Head>(heads: Iterable<H>, now: number, ageStep: number) {
  let lowest = Number.POSITIVE_INFINITY;
  const projects = new Map<ProjectId, Candidates<H>>();
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
  return projects;
}

/** O5: of several the one that has been passed over longest beyond its share. */
function overdue<H extends Head>(
  projects: ReadonlyMap<ProjectId, Candidates<H>>,
  turns: Turns,
): Omit<Choice<H>, 'others'> | undefined {
  let all = 0;
  for (const project of projects.keys()) all += turns.weight(project);
  let worst: { head: H; raised: boolean; passed: boolean; by: number } | undefined;
  const look = (head: H | undefined, raised: boolean, passed: boolean, allowed: number) => {
    if (!head) return;
    const by = turns.passedOver(head) - Math.ceil(allowed);
    if (by < 0 || (worst && (worst.by > by || (worst.by === by && older(worst.head, head) < 0)))) return;
    worst = { head, raised, passed, by };
  };
  for (const [project, { native, raised }] of projects) {
    const allowed = (NATIVE_IN_A_ROW + 1) * (all / turns.weight(project) + projects.size - 1); // longestWait of this one
    look(raised, true, false, allowed);
    look(native, false, raised !== undefined, allowed);
  }
  if (!worst) return undefined;
  const { by: _, ...choice } = worst;
  return { ...choice, overdue: true };
}

/** O3. */
function within<H extends Head>(mine: Candidates<H>, owed: boolean): Omit<Choice<H>, 'others'> | undefined {
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
