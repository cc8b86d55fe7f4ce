import type { LiveTask } from '../model/task.ts';
import type { Provider } from '../ports.ts';
import { cancelUpstream } from './cancel.ts';
import { cancelled, giveUp } from './conclude.ts';
import { type Desk, providerOf, report, tryAgain, whyNobody } from './desk.ts';
import { describeLimit, isOverdue, isOverdueUnseen } from './limit.ts';
import { lost } from './own.ts';
import { accept, submitAgain } from './submit.ts';
import { absentAgain, believed, type Next, type Watch, waitAtGate } from './watch.ts';

/**
 * A submit whose answer nobody saw. Asked again under the same key where that is harmless, else looked up by its key
 * where the service can, else ended as what it is. It never becomes another request under another key.
 */
export async function confirm(watch: Watch, desk: Desk, task: LiveTask): Promise<Next> {
  if (watch.transient) return lostOnTheWay(watch, desk, task);
  const provider = providerOf(watch, desk);
  if (task.cancel !== undefined) return abandon(watch, desk, provider, task.cancel);
  if (isOverdueUnseen(watch, desk, task) || (watch.failures > 0 && isOverdue(watch, desk, task)))
    return giveUp(watch, desk, `${reasonOf(watch)}; ${describeLimit(desk.ttl(task))}`);
  const trusted = desk.clock.now() - watch.started_at < desk.settings().key_trusted_ms;
  if (!provider) {
    const there = desk.providers().get(watch.provider);
    const why = whyNobody(watch, desk);
    if (!trusted || (there && !there.idempotent && !there.find)) return giveUp(watch, desk, why);
    watch.trouble = why;
    report(desk, watch, `a submit is unconfirmed: ${why}`);
    return tryAgain(desk, watch, desk.settings().interval_ms);
  }
  const again = provider.idempotent && trusted;
  if (again && desk.settings().local_only) return tryAgain(desk, watch, desk.settings().interval_ms);
  if (!again && !provider.find) return giveUp(watch, desk, reasonOf(watch));
  const pass = desk.gate.enter();
  if (pass.kind === 'shut') return waitAtGate(watch, pass);
  try {
    const bytes = again ? (await desk.store.text(watch.lease.task))?.bytes : undefined;
    if (bytes) return await submitAgain(watch, desk, task, provider, pass, bytes);
    if (!provider.find) return await giveUp(watch, desk, reasonOf(watch));
    const found = await tryFind(watch, desk, provider);
    if (!desk.looks.aborted)
      pass.found(found.kind === 'trouble' ? { kind: 'trouble', reason: found.reason } : { kind: 'well' });
    return await lookedUp(watch, desk, found, trusted);
  } finally {
    pass.leave();
  }
}

function lostOnTheWay(watch: Watch, desk: Desk, task: LiveTask): Promise<Next> {
  if (task.cancel !== undefined) return cancelled(watch, desk, task.cancel);
  return lost(watch, desk, task, reasonOf(watch));
}

async function lookedUp(watch: Watch, desk: Desk, found: Found, trusted: boolean): Promise<Next> {
  if (found.kind === 'job') return accept(watch, desk, found.job_id);
  if (found.kind === 'trouble') {
    if (!trusted) return giveUp(watch, desk, `${reasonOf(watch)}; ${found.reason}`);
    return tryAgain(desk, watch, 0);
  }
  // A slow service may list the job later than it took it.
  const absent = absentAgain(watch.phase.kind === 'unconfirmed' ? watch.phase.absent : undefined, desk.clock.now());
  const rule = desk.settings().absence;
  if (believed(absent, desk.clock.now(), rule))
    return giveUp(watch, desk, `${reasonOf(watch)}; the service lists no job with its key`);
  watch.phase = { kind: 'unconfirmed', reason: reasonOf(watch), absent };
  return { kind: 'again', at: desk.clock.now() + rule.over_ms / Math.max(1, rule.times - 1) };
}

/** Cancelled before anybody knew whether there is a job: what can be found is stopped. */
async function abandon(watch: Watch, desk: Desk, provider: Provider | undefined, reason: string): Promise<Next> {
  const found = provider?.find ? await tryFind(watch, desk, provider) : undefined;
  if (desk.looks.aborted) return { kind: 'again', at: desk.clock.now() }; // the next start does it properly
  if (found?.kind !== 'job') return cancelled(watch, desk, `${reason} (it may have run upstream)`);
  const stopped = await cancelUpstream(watch, desk, provider, found.job_id);
  return cancelled(watch, desk, stopped ? reason : `${reason} (job ${found.job_id} may go on upstream)`);
}

type Found = { kind: 'job'; job_id: string } | { kind: 'none' } | { kind: 'trouble'; reason: string };

async function tryFind(watch: Watch, desk: Desk, provider: Provider): Promise<Found> {
  try {
    const job_id = await provider.find?.(watch.key, desk.looks);
    return job_id === undefined ? { kind: 'none' } : { kind: 'job', job_id };
  } catch (error) {
    return { kind: 'trouble', reason: error instanceof Error ? error.message : String(error) };
  }
}

function reasonOf(watch: Watch): string {
  return watch.phase.kind === 'unconfirmed' ? watch.phase.reason : 'unknown';
}
