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
 * O5. The last word: every line counts how often its head, at the lowest level, saw another one go that age alone would
 *     not have let go before it: one of another project, or a younger one. Whoever has seen more than its share of that
 *     (`allowed`, below) goes next, of several the one that has most beyond it. Shares alone are not enough: where not every task can use every place, or a project stands at its limit, a project may have
 *     had its share elsewhere whenever the one place comes free that its task waits for.
 *
 * What holds for every task that some place could take, whatever else waits, comes or is held: after at most
 * 3 × age_step it is at the top, and then it begins within `longestWait(...)` choices at which its line was not
 * blocked: (r + 1) × (allowed + lines) + s, where `r` are the older ones of its line, `s` those of its project's other
 * lines (each of them goes once before it, in order of age), `lines` all lines that wait, and
 *   allowed = 4 (O3) × its project's lines that age has raised like it (or not, like it)
 *             × (1 + for every other project w_j / w + 1) (O2).
 * Why: the choice takes whoever is furthest beyond its share, so for one line to get from k to k + 1 beyond, another of
 * those at k or more must have gone and begins anew. So at most `lines - k` are k or more beyond, and none gets to
 * `lines`. Nothing in this asks which lines could go at which choice.
 * Where every task can use every place and a project has one line of a kind, O5 is never needed at the top, and it is
 * `longestTurns(...)`: 4 × (r + 1) turns of its own project, and at most w_j / w + 1 of project j between two of them.
 * With one project: 4 × (r + 1). With 10,000 raised tasks of another project of the same weight: 4 × (1 + 2) = 12.
 * What can't run now (no agent, project limit, busy checkout) is passed over and counts as waiting. A claim that the
 * store refuses begins the count anew; a restart forgets turns and counts, not ages.
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

/** The bound where all can use every place, in dispatches, once a task has been ready for 3 × age_step. */
export function longestTurns(olderRaised: number, weight: number, otherWeights: readonly number[]): number {
  return (olderRaised + 1) * allowed(weight, otherWeights, 1);
}

/** The bound that always holds, in choices at which the task's line was not blocked, from when it is at the top. */
export function longestWait(
  olderInLine: number,
  weight: number,
  otherWeights: readonly number[],
  lines: { readonly own: number; readonly all: number },
  olderBeside = 0,
): number {
  return (olderInLine + 1) * (allowed(weight, otherWeights, lines.own) + lines.all) + olderBeside;
}

function allowed(weight: number, otherWeights: readonly number[], ownLines: number): number {
  const perTurn = otherWeights.reduce((sum, other) => sum + other / weight + 1, 1);
  return Math.ceil((NATIVE_IN_A_ROW + 1) * ownLines * perTurn);
}

export interface Choice<H extends Head> {
  readonly head: H;
  readonly raised: boolean;
  /** A raised task of the same project waited at the same level. */
  readonly passed: boolean;
  /** O5: it goes before its project's turn. */
  readonly overdue?: true;
  /** What those have seen so far that it goes before, though they are older or of other projects (O5). */
  readonly others: readonly Seen[];
}

/** O5: what the head of a line has seen at its level. */
interface Seen {
  level: number;
  /** How many others went that are no older ones of its project. */
  gone: number;
  /** The most that was its share meanwhile. */
  allowed: number;
}

/** What every project has had so far. Kept in memory: after a restart all start even. */
export class Turns {
  #now = 0;
  readonly #weightOf: (project: ProjectId) => number;
  readonly #of = new Map<ProjectId, { start: number; natives: number }>();
  readonly #seen = new WeakMap<object, Seen>();

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

  /** O5 */
  seen({ lane }: Head, level: number): Seen {
    const had = this.#seen.get(lane);
    if (had?.level === level) return had;
    const seen = { level, gone: 0, allowed: 0 };
    this.#seen.set(lane, seen);
    return seen;
  }

  /** To be called for every choice that really starts. */
  took({ head, raised, passed, overdue, others }: Choice<Head>): void {
    const { project } = head;
    const start = overdue ? this.#now : this.tag(project); // O5 leaves no project more than one turn behind
    this.#now = start;
    const before = this.#of.get(project)?.natives ?? 0;
    this.#of.set(project, { start, natives: raised ? 0 : before + (passed ? 1 : 0) });
    for (const seen of others) seen.gone += 1;
    this.#seen.delete(head.lane);
  }

  /** Nothing of it started after all: it keeps its turn. */
  gaveBack({ head: { project }, raised, overdue }: Choice<Head>): void {
    const had = this.#of.get(project);
    if (!had) return;
    const start = overdue ? had.start : had.start - 1 / this.weight(project);
    this.#of.set(project, { start, natives: raised ? NATIVE_IN_A_ROW : had.natives });
  }
}

interface Candidates<H extends Head> {
  readonly all: H[];
  native?: H;
  raised?: H;
  natives: number;
}

/** The next task among the heads of all lines, or nothing when there is none. */
export function chooseNext<H extends Head>(
  heads: Iterable<H>,
  turns: Turns,
  now: number,
  ageStep: number,
): Choice<H> | undefined {
  const { level, projects } = atLowestLevel(heads, now, ageStep);
  const { seen, chosen: late } = overdue(projects, level, turns);
  let chosen = late;
  if (!chosen) {
    for (const mine of projects.values()) {
      const choice = within(mine, turns);
      if (choice && (!chosen || before(choice.head, chosen.head, turns))) chosen = choice;
    }
  }
  if (!chosen) return undefined;
  const { head } = chosen;
  const others = seen.filter((one) => one.head.lane !== head.lane && isPassedBy(one.head, head));
  return { ...chosen, others: others.map((one) => one.seen) };
}

/** O1: by project, with the oldest of that very priority, and the oldest that age has raised to it. */
function atLowestLevel<H extends Head>(heads: Iterable<H>, now: number, ageStep: number) {
  let lowest = Number.POSITIVE_INFINITY;
  const projects = new Map<ProjectId, Candidates<H>>();
  for (const head of heads) {
    const level = levelOf(head, now, ageStep);
    if (level > lowest) continue;
    if (level < lowest) projects.clear();
    lowest = level;
    const mine = projects.get(head.project) ?? { all: [], natives: 0 };
    const slot = level === BASE[head.priority] ? 'native' : 'raised';
    mine.all.push(head);
    if (slot === 'native') mine.natives += 1;
    if (!mine[slot] || older(head, mine[slot]) < 0) mine[slot] = head;
    projects.set(head.project, mine);
  }
  return { level: lowest, projects };
}

/** O5 */
function isPassedBy(head: Head, gone: Head): boolean {
  return head.project !== gone.project || older(head, gone) < 0;
}

type Picked<H extends Head> = Omit<Choice<H>, 'others'>;

/** O5: whoever is furthest beyond its share, and what all have seen. */
function overdue<H extends Head>(projects: ReadonlyMap<ProjectId, Candidates<H>>, level: number, turns: Turns) {
  const weights = new Map([...projects.keys()].map((project) => [project, turns.weight(project)]));
  const sum = [...weights.values()].reduce((all, weight) => all + weight, 0);
  const seen: { readonly head: H; readonly seen: Seen }[] = [];
  let worst: { head: H; by: number } | undefined;
  for (const [project, { all, natives }] of projects) {
    const perTurn = sum / (weights.get(project) ?? 1) + projects.size - 1;
    for (const head of all) {
      const own = BASE[head.priority] === level ? natives : all.length - natives;
      const one = turns.seen(head, level);
      one.allowed = Math.max(one.allowed, Math.ceil((NATIVE_IN_A_ROW + 1) * own * perTurn));
      seen.push({ head, seen: one });
      const by = one.gone - one.allowed;
      if (by >= 0 && (!worst || by > worst.by || (by === worst.by && older(head, worst.head) < 0)))
        worst = { head, by };
    }
  }
  if (!worst) return { seen, chosen: undefined };
  const { head } = worst;
  const raised = BASE[head.priority] !== level;
  const passed = !raised && projects.get(head.project)?.raised !== undefined;
  const chosen: Picked<H> = { head, raised, passed, overdue: true };
  return { seen, chosen };
}

/** O3. */
function within<H extends Head>({ native, raised }: Candidates<H>, turns: Turns): Picked<H> | undefined {
  if (raised && (!native || turns.owesRaised(raised.project))) return { head: raised, raised: true, passed: false };
  return native && { head: native, raised: false, passed: raised !== undefined };
}

function before(a: Head, b: Head, turns: Turns): boolean {
  return (turns.tag(a.project) - turns.tag(b.project) || older(a, b)) < 0; // O2, O4
}

function older(a: { since: number; seq: number }, b: { since: number; seq: number }): number {
  return a.since - b.since || a.seq - b.seq; // O4
}
