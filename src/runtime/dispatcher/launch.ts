import type { AgentRoute, ProviderRoute } from '../model/route.ts';
import type { Lease, LiveTask } from '../model/task.ts';

/** A task whose claim is in the journal: from here on somebody must end it with this lease. */
export interface Claimed<R = AgentRoute | ProviderRoute> {
  readonly lease: Lease;
  readonly task: LiveTask;
  readonly bytes: Uint8Array;
  readonly route: R;
}

/**
 * Who carries claimed tasks out. Both settle once the work is under way or its failure has been told to the store;
 * what goes wrong is reported by the attempt's end, so a rejection is a bug.
 */
export interface Launch {
  launch(claimed: Claimed<AgentRoute>): Promise<void>;
  delegate(claimed: Claimed<ProviderRoute>): Promise<void>;
}
