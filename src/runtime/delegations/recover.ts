import { isLive, type Lease, type LiveTask, type OpenTask } from '../model/task.ts';
import { type DelegationPorts, projectOf } from './desk.ts';
import { idempotencyKey, readMarker } from './marker.ts';
import type { Phase, Watch } from './watch.ts';

/** The watch of a live task that has none: after a restart, or when a queue was taken over. */
export async function recover(ports: DelegationPorts, task: OpenTask): Promise<Watch | undefined> {
  if (!isLive(task) || task.route.to !== 'provider') return undefined;
  const lease = leaseOf(ports, task);
  const found = await readEarlier(ports, task);
  const phase = await answered(ports, lease, phaseOf(ports, task, found?.job_id ?? undefined));
  const watch = newWatch(ports, lease, task, phase);
  return {
    ...watch,
    ...(found?.idempotency_key && { key: found.idempotency_key }),
    // What it was when it was sent counts, not what its provider's name stands for now.
    ...(found?.address && { address: found.address, transient: found.transient ?? false }),
  };
}

/** Claimed means that nothing was sent; running without a job means that a request may have been taken. */
function phaseOf(ports: DelegationPorts, task: LiveTask, marked: string | undefined): Phase {
  if (task.state === 'claimed') return { kind: 'unsent' };
  const job_id = task.job_id ?? marked;
  if (job_id === undefined) return { kind: 'unconfirmed', reason: 'the runtime ended before it saw the answer' };
  const journalled = task.job_id !== undefined;
  return { kind: 'accepted', job_id, journalled, status: 'unknown', heard_at: ports.clock.now() };
}

/** An answer that was being judged is in hand, whatever its provider knows of it now. */
async function answered(ports: DelegationPorts, lease: Lease, phase: Phase): Promise<Phase> {
  if (phase.kind !== 'accepted' || !phase.journalled) return phase;
  const outcome = await ports.answers.kept?.(lease);
  return outcome ? { kind: 'answered', job_id: phase.job_id, outcome } : phase;
}

/** A marker of this attempt tells where it was sent, and more than a journal that was lost and rebuilt: its key, perhaps its job. */
async function readEarlier(ports: DelegationPorts, task: LiveTask) {
  if (task.state === 'claimed') return undefined;
  const marker = await readMarker(ports.files, projectOf(ports, task).path, task.id);
  return marker?.attempt === task.attempt ? marker : undefined;
}

export function newWatch(ports: DelegationPorts, lease: Lease, task: LiveTask, phase: Phase): Watch {
  if (task.route.to !== 'provider') throw new Error(`task ${task.id} has no route to a provider`);
  return {
    lease,
    provider: task.route.provider,
    key: idempotencyKey(lease.epoch, lease.task, lease.attempt),
    started_at: task.state === 'running' ? task.started_at : ports.clock.now(),
    phase,
    next_at: ports.clock.now(),
    failures: 0,
    working: undefined,
    nudged: false,
    at_gate: false,
    transient: ports.providers().get(task.route.provider)?.transient ?? false,
    hangUp: new AbortController(),
  };
}

function leaseOf(ports: DelegationPorts, task: LiveTask): Lease {
  const { project, id, attempt, token } = task;
  return { task: { project, id }, attempt, epoch: ports.store.epoch, token };
}
