import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProjectId } from '../../../src/runtime/model/ids.ts';
import { Priority } from '../../../src/runtime/model/spec.ts';
import { chooseNext, type Head, levelOf, longestTurns, longestWait, Turns } from '../../../src/runtime/policy/order.ts';

const STEP = 600_000;
const id = (n: number) => ProjectId.parse(`p_${n.toString(16).padStart(12, '0')}`);

/** What a test takes out of the policy. */
interface Broken {
  readonly turns?: typeof Turns;
  readonly step?: number;
}

/** A queue that is always served by the policy: `serve` takes the next task and lets some time pass. */
class Queue {
  readonly turns: Turns;
  readonly lanes = new Map<string, Head[]>();
  readonly weights: Map<ProjectId, number>;
  now = 0;
  #seq = 0;

  readonly #step: number;

  constructor(weights: ReadonlyMap<ProjectId, number> = new Map(), { turns = Turns, step = STEP }: Broken = {}) {
    this.weights = new Map(weights);
    this.turns = new turns((project) => this.weights.get(project) ?? 1);
    this.#step = step;
  }

  add(project: ProjectId, priority: Priority, place = 'any'): Head {
    const key = `${project} ${priority} ${place}`;
    const lane = this.lanes.get(key) ?? [];
    this.lanes.set(key, lane);
    const head: Head = { project, priority, since: this.now, seq: this.#seq++, lane };
    lane.push(head);
    return head;
  }

  /** All lines that there were, and those of the project that are as this one is (raised, or of the top priority). */
  lines({ project, priority }: Head): { own: number; all: number } {
    const alike = (key: string) => (key.split(' ')[1] === 'critical') === (priority === 'critical');
    const own = [...this.lanes.keys()].filter((key) => key.startsWith(`${project} `) && alike(key)).length;
    return { own, all: this.lanes.size };
  }

  /** What can't use the place that is free is no candidate. */
  serve(takes = 0, place?: string): Head | undefined {
    const suits = (key: string) => place === undefined || key.endsWith(' any') || key.endsWith(` ${place}`);
    const heads = [...this.lanes].flatMap(([key, lane]) => (suits(key) ? lane.slice(0, 1) : []));
    const choice = chooseNext(heads, this.turns, this.now, this.#step);
    if (!choice) return undefined;
    this.turns.took(choice);
    (choice.head.lane as Head[]).shift();
    this.now += takes;
    return choice.head;
  }
}

describe('order', () => {
  it('goes by priority, then by age', () => {
    const queue = new Queue();
    const low = queue.add(id(1), 'low');
    const first = queue.add(id(1), 'default');
    const second = queue.add(id(1), 'default');
    const high = queue.add(id(1), 'high');
    const critical = queue.add(id(1), 'critical');
    expect([1, 2, 3, 4, 5].map(() => queue.serve())).toEqual([critical, high, first, second, low]);
    expect(queue.serve()).toBeUndefined();
  });

  it('raises a task one level per step, never beyond critical', () => {
    const head: Head = { project: id(1), priority: 'low', since: 0, seq: 0, lane: [] };
    const levels = [0, STEP - 1, STEP, 2 * STEP, 3 * STEP, 99 * STEP].map((now) => levelOf(head, now, STEP));
    expect(levels).toEqual([3, 3, 2, 1, 0, 0]);
  });

  it('shares between projects by weight, however much one of them queues', () => {
    const queue = new Queue(new Map([[id(1), 3]]));
    for (let n = 0; n < 10_000; n++) queue.add(id(1), 'default');
    for (let n = 0; n < 100; n++) queue.add(id(2), 'default');
    const served = Array.from({ length: 80 }, () => queue.serve()?.project);
    expect(served.filter((one) => one === id(2))).toHaveLength(20);
  });

  it('gives a project that was idle its share and no more', () => {
    const queue = new Queue();
    for (let n = 0; n < 1_000; n++) queue.add(id(1), 'default');
    for (let n = 0; n < 500; n++) queue.serve();
    for (let n = 0; n < 500; n++) queue.add(id(2), 'default');
    const served = Array.from({ length: 20 }, () => queue.serve()?.project);
    expect(served.filter((one) => one === id(2))).toHaveLength(10);
  });

  it('lets a fresh critical task pass ten thousand old low ones', () => {
    const queue = new Queue();
    for (let n = 0; n < 10_000; n++) queue.add(id(1), 'low');
    queue.now = 5 * STEP;
    queue.serve();
    queue.add(id(1), 'critical');
    expect(queue.serve()?.priority).toBe('critical');
  });

  it('serves a low task under an endless stream of critical ones, in three steps and four dispatches', () => {
    const queue = new Queue();
    const low = queue.add(id(1), 'low');
    for (let n = 0; n < 10; n++) queue.add(id(1), 'critical');
    const each = 60_000;
    let turns = 0;
    for (let served = queue.serve(each); served !== low; served = queue.serve(each)) {
      queue.add(id(1), 'critical'); // as many come as go
      if (queue.now >= 3 * STEP) turns += 1;
      expect(turns).toBeLessThanOrEqual(longestTurns(0, 1, []));
    }
    expect(queue.now).toBeGreaterThanOrEqual(3 * STEP);
  });

  it('serves a trickle beside 10,000 aged low tasks of one project within the bound', () => {
    const queue = new Queue();
    for (let n = 0; n < 10_000; n++) queue.add(id(1), 'low');
    queue.now = 4 * STEP;
    const waits: number[] = [];
    for (let round = 0; round < 50; round++) {
      const trickle = queue.add(id(2), 'critical');
      let dispatches = 1;
      while (queue.serve(1_000) !== trickle) dispatches += 1;
      waits.push(dispatches);
    }
    expect(Math.max(...waits)).toBeLessThanOrEqual(longestTurns(0, 1, [1]));
    expect(Math.max(...waits)).toBeLessThanOrEqual(2);
  });

  const WEIGHTS = fc.array(fc.constantFrom(0.5, 1, 2, 5), { minLength: 4, maxLength: 4 });

  it('keeps the bound of turns, to the dispatch, where all can use every place', () => {
    const critical = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 60 });
    const sample = { critical, weights: WEIGHTS, older: fc.nat(5), each: fc.constantFrom(1_000, 60_000, 200_000) };
    fc.assert(
      fc.property(fc.record(sample), ({ critical, weights, older, each }) => {
        const queue = new Queue(new Map(weights.map((weight, n) => [id(n + 1), weight])));
        for (let n = 0; n < 200; n++) queue.add(id(2), 'low'); // the backlog of another project
        for (let n = 0; n < older; n++) queue.add(id(1), 'low');
        queue.now += STEP;
        const watched = queue.add(id(1), 'low');
        let turns = 0;
        for (let n = 0; queue.serve(each) !== watched; n++) {
          queue.add(id(critical[n % critical.length] ?? 1), 'critical'); // an endless stream: as many come as go
          if (queue.now - watched.since >= 3 * STEP) turns += 1;
          expect(turns).toBeLessThanOrEqual(longestTurns(older, weights[0] ?? 1, weights.slice(1)));
        }
      }),
      { numRuns: 150 },
    );
  }, 60_000);

  it('is the order of age in one project, however rare the tasks of one of its lines are', () => {
    const queue = new Queue();
    const added = Array.from({ length: 300 }, (_, n) => queue.add(id(1), 'default', n % 40 === 39 ? 'x' : 'y'));
    expect(added.map(() => queue.serve())).toEqual(added);
  });

  it('keeps the bound where a project has its share at one place and waits for another', () => {
    const queue = new Queue();
    const watched = queue.add(id(1), 'critical', 'x');
    for (let n = 0; n < 10; n++) queue.add(id(1), 'critical', 'y');
    for (let n = 0; n < 10; n++) queue.add(id(2), 'critical', 'x');
    queue.serve(1_000, 'y'); // from now on it is always the other project's turn when x comes free
    let turns = 1;
    for (; queue.serve(1_000, 'x') !== watched; turns++) {
      queue.add(id(2), 'critical', 'x');
      queue.serve(1_000, 'y');
      queue.add(id(1), 'critical', 'y');
      expect(turns).toBeLessThanOrEqual(longestWait(0, 1, [1], { own: 1, all: 3 }));
    }
  });

  it.each([
    ['of priorities', ['any'], ['any']],
    ['of places that not every task can use', ['x', 'y', 'any'], ['x', 'y']],
  ] as const)(
    'keeps the bound in any mixture %s',
    (_, kinds, free) => {
      const arrivals = fc.array(
        fc.record({
          project: fc.integer({ min: 1, max: 4 }),
          priority: fc.constantFrom(...Priority.options),
          place: fc.constantFrom(...kinds),
        }),
        { minLength: 1, maxLength: 40 },
      );
      const frees = fc.array(fc.constantFrom(...free), { minLength: 1, maxLength: 12 });
      const sample = {
        arrivals,
        weights: WEIGHTS,
        frees,
        older: fc.nat(4),
        priority: fc.constantFrom('low', 'critical'),
      };
      fc.assert(
        fc.property(fc.record(sample), ({ arrivals, weights, frees, older, priority }) => {
          const queue = new Queue(new Map(weights.map((weight, n) => [id(n + 1), weight])));
          const mine = free[0];
          for (let n = 0; n < 100; n++) queue.add(id(2), 'low', kinds[n % kinds.length]);
          for (let n = 0; n < older; n++) queue.add(id(1), priority as Priority, mine);
          queue.now += STEP;
          const watched = queue.add(id(1), priority as Priority, mine);
          let turns = 0;
          for (let n = 0; ; n++) {
            const place = n % 2 === 0 ? mine : frees[n % frees.length];
            const served = queue.serve(60_000, place);
            if (served === watched) break;
            const next = arrivals[n % arrivals.length];
            if (next) queue.add(id(next.project), next.priority, next.place);
            if (place === mine && queue.now - watched.since >= 3 * STEP) turns += 1;
            const bound = longestWait(older, weights[0] ?? 1, weights.slice(1), queue.lines(watched));
            expect(turns).toBeLessThanOrEqual(bound);
          }
        }),
        { numRuns: 300 },
      );
    },
    60_000,
  );

  it('shares by weight, but for a turn of its own and one of each other that fall together, in any window', () => {
    const weights = fc.array(fc.constantFrom(0.5, 1, 2, 3, 5), { minLength: 2, maxLength: 5 });
    fc.assert(
      fc.property(weights, fc.constantFrom(...Priority.options), (heavy, priority) => {
        const queue = new Queue(new Map(heavy.map((weight, n) => [id(n + 1), weight])));
        for (let n = 0; n < 400; n++) for (let p = 1; p <= heavy.length; p++) queue.add(id(p), priority);
        const had = heavy.map(() => 0);
        const all = heavy.reduce((sum, weight) => sum + weight, 0);
        for (let served = 1; served <= 300; served++) {
          const head = queue.serve(10_000);
          const at = heavy.findIndex((_, n) => head?.project === id(n + 1));
          had[at] = (had[at] ?? 0) + 1;
          heavy.forEach((weight, n) => {
            expect(Math.abs((had[n] ?? 0) - (served * weight) / all)).toBeLessThanOrEqual(
              2 + ((heavy.length - 1) * weight) / all,
            );
          });
        }
      }),
      { numRuns: 60 },
    );
  }, 60_000);

  it('counts a changed weight from the next choice on', () => {
    const queue = new Queue(new Map([[id(1), 0.001]]));
    for (let n = 0; n < 100; n++) for (const one of [1, 2]) queue.add(id(one), 'default');
    const served = () => Array.from({ length: 20 }, () => queue.serve()?.project).filter((one) => one === id(1)).length;
    expect(served()).toBeLessThanOrEqual(1);
    queue.weights.set(id(1), 1);
    expect(served()).toBeGreaterThanOrEqual(9);
  });

  it('gives a turn back that nothing came of', () => {
    const queue = new Queue();
    for (let n = 0; n < 4; n++) for (const one of [1, 2]) queue.add(id(one), 'default');
    const heads = () => [...queue.lanes.values()].flatMap((lane) => lane.slice(0, 1));
    const choice = chooseNext(heads(), queue.turns, 0, STEP);
    if (!choice) throw new Error('nothing was chosen');
    queue.turns.took(choice);
    queue.turns.gaveBack(choice);
    expect(queue.serve()).toBe(choice.head);
  });
});

class NoFairness extends Turns {
  override tag(): number {
    return 0;
  }
}

class NoRaisedTurn extends Turns {
  override owesRaised(): boolean {
    return false;
  }
}

class NoLastWord extends Turns {
  override seen(_: Head, level: number) {
    return { level, gone: 0, allowed: 0 }; // counted nowhere
  }
}

/** How many others go before a task that has been at the top all the while; the place that it can use is `x`. */
function waitOf(queue: Queue, watched: Head, stream: () => void): number {
  for (let turns = 0; turns < 500; turns++) {
    if (queue.serve(1_000, 'x') === watched) return turns;
    stream();
  }
  return Number.POSITIVE_INFINITY;
}

describe('each rule of the order is needed', () => {
  const stories = {
    'age lifts a low task over a stream of high ones': (broken?: Broken) => {
      const queue = new Queue(new Map(), broken);
      const low = queue.add(id(1), 'low');
      for (let n = 0; n < 5; n++) queue.add(id(1), 'high');
      queue.now += 3 * STEP;
      for (let n = 0; n < 5; n++) queue.add(id(1), 'high');
      return waitOf(queue, low, () => queue.add(id(1), 'high')) <= longestTurns(0, 1, []) + 5;
    },
    'a project goes between two tasks of another': (broken?: Broken) => {
      const queue = new Queue(new Map(), broken);
      for (let n = 0; n < 600; n++) queue.add(id(1), 'low');
      queue.now += 4 * STEP;
      queue.serve();
      return waitOf(queue, queue.add(id(2), 'critical'), () => {}) <= 1;
    },
    'every fourth turn goes to a task that age has raised': (broken?: Broken) => {
      const queue = new Queue(new Map(), broken);
      const low = queue.add(id(1), 'low');
      queue.now += 3 * STEP;
      for (let n = 0; n < 10; n++) queue.add(id(1), 'critical');
      return waitOf(queue, low, () => queue.add(id(1), 'critical')) <= longestTurns(0, 1, []) - 1;
    },
    'a project that has its share at one place is not kept out of the other': (broken?: Broken) => {
      const queue = new Queue(new Map(), broken);
      for (let n = 0; n < 600; n++) queue.add(id(2), 'critical', 'x');
      const watched = queue.add(id(1), 'critical', 'x');
      queue.serve(0, 'x');
      for (let n = 0; n < 10; n++) queue.add(id(1), 'critical', 'y');
      const stream = () => {
        queue.serve(0, 'y');
        queue.add(id(1), 'critical', 'y');
      };
      stream();
      return waitOf(queue, watched, stream) <= longestWait(0, 1, [1], { own: 2, all: 3 });
    },
  };
  const [age, share, raised, place] = Object.keys(stories) as (keyof typeof stories)[];

  it.each(Object.keys(stories) as (keyof typeof stories)[])('%s', (story) => {
    expect(stories[story]()).toBe(true);
  });

  it.each([
    ['no ageing', { step: 0 }, age],
    ['no shares', { turns: NoFairness }, share],
    ['no turn for what age has raised', { turns: NoRaisedTurn }, raised],
    ['no last word', { turns: NoLastWord }, place],
  ] as const)('%s is noticed', (_, broken, story) => {
    expect(story && stories[story](broken)).toBe(false);
  });
});
