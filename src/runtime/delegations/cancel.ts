import type { Provider } from '../ports.ts';
import { type Desk, report } from './desk.ts';
import type { Watch } from './watch.ts';

/** True when the provider says that the job has ended. */
export async function cancelUpstream(watch: Watch, desk: Desk, provider: Provider | undefined, job_id: string) {
  if (!provider?.cancel) return false;
  try {
    await provider.cancel(job_id, desk.looks);
    return true;
  } catch (error) {
    report(desk, watch, `job ${job_id} could not be cancelled upstream: ${String(error)}`);
    return false;
  }
}
