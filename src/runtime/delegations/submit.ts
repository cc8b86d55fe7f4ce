import { LONGEST_TIMER_MS } from '../model/duration.ts';
import type { LiveTask } from '../model/task.ts';
import type { JobOrder, Provider, Submitted } from '../ports.ts';
import { cancelled, conclude, fail, failed, giveUp } from './conclude.ts';
import { backoffMs, bounded, type Desk, projectOf, providerOf, report, tryAgain } from './desk.ts';
import { findingOf } from './finding.ts';
import type { Pass } from './gate.ts';
import { deadlineOf } from './limit.ts';
import { type DelegationMarker, writeMarker } from './marker.ts';
import { endedByUs, lost } from './own.ts';
import { absentAgain, believed, liveTask, type Next, OVER, type Watch } from './watch.ts';

/*
 * 1. Marker, then `started` in the journal, then the request. A task that is only `claimed` was never sent.
 * 2. From the moment before the request the attempt counts as `unconfirmed`; only the provider's own word changes that.
 * 3. Once a request of this attempt may have been taken, no later answer proves that it was not: "later" and a refusal
 *    speak of the request that they answer.
 * 4. A transient request is never in doubt: it ends with us, and what became of it is for the retry policy.
 */

type OpenPass = Extract<Pass, { kind: 'open' }>;

/** The first request of an attempt. */
export async function submitFirst(watch: Watch, desk: Desk, task: LiveTask, given?: Uint8Array): Promise<Next> {
  if (task.cancel !== undefined) return cancelled(watch, desk, task.cancel);
  const provider = desk.providers().get(watch.provider);
  if (!provider) return putBack(watch, desk, task, `provider ${watch.provider} is not configured any more`);
  if (desk.settings().local_only) return putBack(watch, desk, task, 'local_only: no task leaves this machine');
  const pass = desk.gate.enter();
  if (pass.kind === 'shut') return putBack(watch, desk, task, `not sent: ${pass.why}`, pass.until - desk.clock.now());
  try {
    return await send(watch, desk, task, provider, pass, given);
  } finally {
    pass.leave();
  }
}

async function send(watch: Watch, desk: Desk, task: LiveTask, provider: Provider, pass: OpenPass, given?: Uint8Array) {
  const bytes = given ?? (await desk.store.text(watch.lease.task))?.bytes;
  if (!bytes) return conclude(watch, desk, { kind: 'void', reason: 'its file is not there' });
  const composed = await desk.composer.compose(task, watch.lease, bytes);
  if (composed.kind === 'unfit') return fail(watch, desk, composed.class, composed.reason);
  const order = orderOf(watch, desk, task, composed.prompt);

  watch.address = provider.address;
  watch.transient = provider.transient; // the configuration may have changed since the claim
  await mark(watch, desk, null); // 1
  const refusal = task.state === 'claimed' ? await desk.store.started(watch.lease) : undefined;
  if (refusal) {
    report(desk, watch, `not submitted: ${refusal.message}`);
    return OVER;
  }
  watch.phase = { kind: 'unconfirmed', reason: 'the answer to the submit was not seen' }; // 2
  if (watch.transient) return ask(watch, desk, task, provider, pass, order);
  const submitted = await provider.submit(order, desk.submits);
  learn(desk, pass, submitted, desk.submits);
  return answered(watch, desk, task, provider, submitted);
}

function learn(desk: Desk, pass: OpenPass, submitted: Submitted, signal: AbortSignal): void {
  const finding = findingOf(desk, submitted, signal.aborted);
  if (finding) pass.found(finding);
}

/** 4. It lasts until the answer begins, and must not outlast a cancel, the time limit or the runtime. */
async function ask(
  watch: Watch,
  desk: Desk,
  task: LiveTask,
  provider: Provider,
  pass: OpenPass,
  order: JobOrder,
): Promise<Next> {
  const left = Math.min(deadlineOf(watch, desk, task) - desk.clock.now(), LONGEST_TIMER_MS);
  const inTime = desk.clock.after(Math.max(0, left), () => watch.hangUp.abort());
  watch.taker = provider;
  const submitted = await provider.submit(order, watch.hangUp.signal).finally(inTime);
  if (submitted.kind === 'accepted') pass.found({ kind: 'begun' });
  else learn(desk, pass, submitted, watch.hangUp.signal);
  const now = liveTask(watch, desk.store);
  if (!now) return OVER;
  if (submitted.kind === 'accepted') return accept(watch, desk, submitted.job_id);
  return endedByUs(watch, desk, now) ?? answered(watch, desk, now, provider, submitted);
}

function answered(watch: Watch, desk: Desk, task: LiveTask, provider: Provider, submitted: Submitted) {
  switch (submitted.kind) {
    case 'accepted':
      return accept(watch, desk, submitted.job_id);
    case 'refused': {
      const { kind: _, ...failure } = submitted;
      return failed(watch, desk, task, failure);
    }
    case 'later':
      return putBack(watch, desk, task, submitted.reason, submitted.retry_after_ms);
    case 'unconfirmed':
      if (watch.transient) return lost(watch, desk, task, submitted.reason); // 4
      return doubt(watch, desk, submitted.reason, provider.idempotent);
  }
}

/** The same request once more, under the same key, to a provider that makes one job of both. */
export async function submitAgain(
  watch: Watch,
  desk: Desk,
  task: LiveTask,
  provider: Provider,
  pass: OpenPass,
  bytes: Uint8Array,
): Promise<Next> {
  const composed = await desk.composer.compose(task, watch.lease, bytes);
  if (composed.kind === 'unfit') return giveUp(watch, desk, composed.reason);
  const submitted: Submitted = await provider.submit(orderOf(watch, desk, task, composed.prompt), desk.submits);
  learn(desk, pass, submitted, desk.submits);
  switch (submitted.kind) {
    case 'accepted':
      return accept(watch, desk, submitted.job_id);
    case 'later':
      doubtful(watch, submitted.reason); // 3
      return tryAgain(desk, watch, 0, submitted.retry_after_ms);
    case 'unconfirmed':
      doubtful(watch, submitted.reason);
      return tryAgain(desk, watch, 0);
    case 'refused': // 3
      return refusedAgain(watch, desk, submitted.reason);
  }
}

/** The job has a name: journal first, then the marker. */
export async function accept(watch: Watch, desk: Desk, job_id: string): Promise<Next> {
  const heard_at = desk.clock.now();
  watch.phase = {
    kind: 'accepted',
    job_id,
    journalled: false,
    status: watch.transient ? 'answering' : 'submitted',
    heard_at,
  };
  watch.failures = 0;
  return recordJob(watch, desk, job_id);
}

export async function recordJob(watch: Watch, desk: Desk, job_id: string): Promise<Next> {
  const refusal = await desk.store.jobAccepted(watch.lease, job_id);
  if (refusal) {
    await providerOf(watch, desk)
      ?.cancel?.(job_id, desk.looks)
      .catch(() => undefined);
    report(desk, watch, `job ${job_id} belongs to an attempt that has ended: ${refusal.message}`);
    return OVER;
  }
  if (watch.phase.kind === 'accepted') watch.phase = { ...watch.phase, journalled: true };
  await mark(watch, desk, job_id).catch((error) => report(desk, watch, `its marker is behind: ${String(error)}`));
  return nextLook(watch, desk, job_id);
}

/** After the usual interval, or when the provider says so, where it does. */
export function nextLook(watch: Watch, desk: Desk, job_id: string): Next {
  const provider = providerOf(watch, desk);
  if (!provider?.ended || watch.told === job_id)
    return { kind: 'again', at: desk.clock.now() + desk.settings().interval_ms };
  watch.told = job_id;
  const look = () => desk.nudge(watch);
  void provider.ended(job_id).then(look, look);
  return { kind: 'again', at: Number.POSITIVE_INFINITY };
}

function doubt(watch: Watch, desk: Desk, reason: string, idempotent: boolean): Next {
  doubtful(watch, reason);
  return idempotent ? tryAgain(desk, watch, 0) : { kind: 'again', at: desk.clock.now() };
}

function doubtful(watch: Watch, reason: string): void {
  const absent = watch.phase.kind === 'unconfirmed' ? watch.phase.absent : undefined;
  watch.phase = { kind: 'unconfirmed', reason, ...(absent && { absent }) };
}

/** A refusal may pass (a key being changed), so it is heard a few times; what the first request did stays open. */
function refusedAgain(watch: Watch, desk: Desk, reason: string): Next | Promise<Next> {
  const now = desk.clock.now();
  const rule = desk.settings().absence;
  const absent = absentAgain(watch.phase.kind === 'unconfirmed' ? watch.phase.absent : undefined, now);
  if (believed(absent, now, rule)) return giveUp(watch, desk, `asked again, the provider refused: ${reason}`);
  watch.phase = { kind: 'unconfirmed', reason, absent };
  return tryAgain(desk, watch, rule.over_ms / Math.max(1, rule.times - 1));
}

/** Back to the queue, not counted: the provider certainly has no job of this attempt. */
function putBack(watch: Watch, desk: Desk, task: LiveTask, reason: string, retry_after_ms?: number): Promise<Next> {
  const unspent = task.attempt - task.spent; // how often it was put back before
  const wait = Math.max(bounded(desk, retry_after_ms), backoffMs(desk, unspent));
  const cause = retry_after_ms === undefined ? 'upstream' : 'rate_limit';
  const not_before = Math.ceil(desk.clock.now() + wait);
  return conclude(watch, desk, { kind: 'requeue', class: cause, reason, not_before, spent: false });
}

function orderOf(watch: Watch, desk: Desk, task: LiveTask, prompt: string): JobOrder {
  const ai = task.route.to === 'provider' ? task.route.ai : undefined;
  return {
    key: watch.key,
    type: 'analyze',
    priority: desk.settings().priorities[task.spec.priority],
    prompt,
    ...(ai !== undefined && { preferred_ai: ai }),
    ...(task.spec.model !== undefined && { model: task.spec.model }),
    source: 'yardmaster/dispatcher',
  };
}

async function mark(watch: Watch, desk: Desk, job_id: string | null): Promise<void> {
  const { task, attempt } = watch.lease;
  const project = projectOf(desk, task);
  const marker: DelegationMarker = {
    project: project.name,
    task_file: `${task.id}.md`,
    job_id,
    provider: watch.provider,
    started_at: new Date(watch.started_at).toISOString(),
    attempt,
    idempotency_key: watch.key,
    ...(watch.address !== undefined && { address: watch.address }),
    ...(watch.transient && { transient: true }),
  };
  await writeMarker(desk.files, project.path, task.id, marker);
}
