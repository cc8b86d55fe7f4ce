import { MemoryStore } from '../fakes/memory-store.ts';
import { VirtualClock } from '../fakes/virtual-clock.ts';
import { taskStoreSuite } from './task-store.ts';

taskStoreSuite('the memory store', async () => {
  const clock = new VirtualClock();
  const store = new MemoryStore(clock);
  return {
    store,
    project: async (name) => (await store.adoptProject(`/memory/${name}`, name)).id,
    refusedReports: async () => store.refused,
    now: () => clock.now(),
    step: (ms) => clock.advance(ms),
    stop: () => store.close(),
  };
});
