import { Dispatcher } from '../../../src/runtime/dispatcher/dispatcher.ts';
import { LaneWaits } from '../../../src/runtime/dispatcher/lane-waits.ts';
import type { Claimed } from '../../../src/runtime/dispatcher/launch.ts';
import { buildFleet } from '../../../src/runtime/fleet.ts';
import { Load } from '../../../src/runtime/load.ts';
import { emptyBooks } from '../../../src/runtime/model/books.ts';
import { Config } from '../../../src/runtime/model/config.ts';
import type { JournalRecord, Project, ToldEvent } from '../../../src/runtime/model/event.ts';
import type { FleetWorktrees } from '../../../src/runtime/model/fleet.ts';
import { keyOf, type ProjectId, TaskId, type TaskKey } from '../../../src/runtime/model/ids.ts';
import { settled, VirtualClock } from '../../fakes/virtual-clock.ts';
import { MemoryStore, OTHER, PROJECT } from './memory-store.ts';

function treeKey(id: string): TaskKey {
  return keyOf({ project: PROJECT, id: TaskId.parse(id) });
}

/** A dispatcher in a small world: two projects, `shop` and `site`, and whatever the config says. */
export function world(input: object, { newest = [] }: { readonly newest?: readonly JournalRecord[] } = {}) {
  const clock = new VirtualClock();
  const store = new MemoryStore(clock);
  const load = new Load();
  store.subscribe((changes) => load.apply(changes));
  const config = Config.parse(input);
  const paused = { all: false, projects: new Set<ProjectId>() };
  const projects: Project[] = [
    { id: PROJECT, path: '/shop', name: 'shop', adopted_at: 0 },
    { id: OTHER, path: '/site', name: 'site', adopted_at: 0 },
  ];
  const providers = Object.entries(config.delegation.providers).map(([id, { ai }]) => ({ id, ai }));
  const books = emptyBooks();
  const there = new Set<TaskKey>();
  const trees = { made: (id: string) => there.add(treeKey(id)), gone: (id: string) => there.delete(treeKey(id)) };
  const worktrees = (): FleetWorktrees => {
    const writers = new Map([...load.inWorktrees()].map((task) => [keyOf(task), task.id]));
    const coming = [...writers.keys()].filter((key) => !there.has(key));
    const roots = new Map([...there].map((key) => [key, key]));
    return { max: config.max_worktrees, count: there.size + coming.length, roots, there, kept: [], writers };
  };
  const fleet = () => {
    const built = buildFleet({ config, projects, load, paused, providers, worktrees: worktrees(), books });
    return { ...built, agents: built.agents.map(({ keeps: _, ...agent }) => agent) }; // places that can do anything
  };
  const launched: string[] = [];
  const problems: unknown[] = [];
  const start = (how: string) => async (claimed: Claimed) => {
    launched.push(`${how}:${claimed.task.id}`);
  };
  const launch = { launch: start('run'), delegate: start('delegate') };
  const report = (problem: unknown) => problems.push(problem);
  const ageStep = () => config.order.age_step;
  const told: ToldEvent[] = [];
  const recording = {
    by: async (event: ToldEvent): Promise<void> => {
      told.push(event);
      store.tell(event.type);
    },
  };
  const record = (event: ToldEvent) => recording.by(event);
  const waits = new LaneWaits({
    ...{ clock, report, newest: async () => newest },
    store: { open: () => store.open(), record },
  });
  const dispatcher = new Dispatcher({ store, clock, launch, load, fleet, ageStep, report, waits });
  dispatcher.start();
  const ids = () => store.claimed.map(({ ref }) => ref.id as string);
  return {
    told,
    recording,
    books,
    waits,
    clock,
    store,
    load,
    dispatcher,
    fleet,
    paused,
    launch,
    launched,
    problems,
    ids,
    settled,
    trees,
  };
}

export const ONE = { agents: { worker: { command: ['work'], max: 1 } } };
export const WIDE = {
  agents: { worker: { command: ['work'], max: 0 } },
  headless: { max_running: 0 },
  projects: [
    { name: 'shop', path: '/shop', shared_checkout: true },
    { name: 'site', path: '/site', shared_checkout: true },
  ],
};
