import { expect, it } from 'vitest';
import { Dispatcher } from '../../../src/runtime/dispatcher/dispatcher.ts';
import { buildFleet } from '../../../src/runtime/fleet.ts';
import { Load } from '../../../src/runtime/load.ts';
import { Config } from '../../../src/runtime/model/config.ts';
import { ProjectId } from '../../../src/runtime/model/ids.ts';
import { settled, VirtualClock } from '../../fakes/virtual-clock.ts';
import { MemoryStore } from './memory-store.ts';

const QUEUED = 20_000;
const PROJECTS = 50;
const PICKS = 2_000;
/** 40 to 90 µs were measured, the stand-in store's claim included; a scan of the queue would take milliseconds. */
const BOUND_US = 1_000;

it.each([
  ['with room for all', 0],
  ['with every project at its limit', 1],
])('a pick among 20,000 tasks of 50 projects costs little %s', async (_, max_running) => {
  const clock = new VirtualClock();
  const store = new MemoryStore(clock);
  const load = new Load();
  store.subscribe((changes) => load.apply(changes));
  const projects = Array.from({ length: PROJECTS }, (_, n) => {
    const id = ProjectId.parse(`p_${n.toString(16).padStart(12, '0')}`);
    return { id, path: `/p${n}`, name: `p${n}`, adopted_at: 0 };
  });
  const config = Config.parse({
    agents: { worker: { command: ['work'], max: 0 } },
    headless: { max_running: 0 },
    projects: projects.map(({ name, path }) => ({ name, path, max_running, shared_checkout: true })),
  });
  const paused = { all: false, projects: new Set<ProjectId>() };
  const fleet = () => buildFleet({ config, projects, load, paused, providers: [] });
  const none = async () => {};
  const launch = { launch: none, delegate: none };
  const report = (problem: unknown) => expect(problem).toBeUndefined();
  const dispatcher = new Dispatcher({ store, clock, launch, load, fleet, ageStep: () => 600_000, report });
  const priorities = ['critical', 'high', 'default', 'low'] as const;
  store.add(
    ...Array.from({ length: QUEUED }, (_, n) => ({
      id: `t${n}`,
      project: projects[n % PROJECTS]!.id,
      spec: { priority: priorities[Math.floor(n / PROJECTS) % 4] },
    })),
  );

  dispatcher.start();
  const from = process.cpuUsage(); // not the time of day: the machine may be busy with other things
  let ended = 0;
  while (store.claimed.length < PICKS) {
    await settled();
    for (; max_running > 0 && ended < store.claimed.length && ended < PICKS; ended++) {
      const { ref } = store.claimed[ended]!;
      store.end(ref.id, ref.project);
    }
  }
  await dispatcher.stop();
  const { user, system } = process.cpuUsage(from);
  const each = (user + system) / store.claimed.length;
  console.log(`${each.toFixed(1)} µs a pick, claims included`);
  expect(each).toBeLessThan(BOUND_US);
});
