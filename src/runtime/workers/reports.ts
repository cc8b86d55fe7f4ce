import { join } from 'node:path';
import { z } from 'zod';
import { keyOf, type TaskKey } from '../model/ids.ts';
import { type Refusal, refuse } from '../model/refusal.ts';
import { type Cause, isLive, type Lease, type LiveTask } from '../model/task.ts';
import { costFacts, Used } from '../model/usage.ts';
import { worksInWorktree } from '../policy/abilities.ts';
import { afterFailure, type Failure } from '../policy/retry.ts';
import type { AttemptEnd } from '../ports.ts';
import { bounded } from '../runs/bounded.ts';
import { runDirOf } from '../runs/order.ts';
import { attemptEnd } from '../runs/outcome.ts';
import type { RunVerdict } from '../runs/program.ts';
import { retrySituation } from '../runs/situation.ts';
import type { DoneOutcome } from '../work.ts';
import type { HeldAttempt, Reported, WorkDone, WorkFailed } from '../worker-desk.ts';
import type { WorkersPorts } from './ports.ts';
import { Strays } from './strays.ts';

/*
 * What workers say of their work.
 *
 * E1. A report shows its attempt and token; what is stale is recorded, once for each attempt, and changes nothing.
 * E2. The same call again is answered as the first was; another one comes too late.
 * E3. Work that has to be checked is on disk, as it was said, before the check begins: a runtime that finds it goes on there.
 *     From the moment it is said it counts as being judged: nothing said later takes its place, and silence is no fault.
 */

const MAX_ANSWERS = 2_000;
const MAX_OUTPUT = 16 * 1024;
const ANSWER_WITHIN_MS = 40_000;
const AGAIN_MS = 5_000;
const GIVEN_BACK_MS = 5_000;

const Kept = z.object({
  result: z.string(),
  structured: z.unknown().optional(),
  used: Used.optional(),
  truncated: z.boolean().optional(),
  call: z.string().optional(),
});
type Kept = z.infer<typeof Kept>;

export class WorkReports {
  readonly #ports: WorkersPorts;
  readonly #strays: Strays;
  /** E2 */
  readonly #answers = new Map<string, Promise<Reported | Refusal>>();
  /** What is being checked. */
  readonly #judging = new Map<TaskKey, { readonly attempt: number; readonly verdict: Promise<Reported | Refusal> }>();
  #stopped = false;

  constructor(ports: WorkersPorts) {
    this.#ports = ports;
    this.#strays = new Strays(ports.store);
  }

  /** Its worker has said all that it has to say. */
  isJudged(key: TaskKey, attempt: number): boolean {
    return this.#judging.get(key)?.attempt === attempt;
  }

  /** Work that an earlier runtime was told of, and did not come to judge. */
  async takeUp(task: LiveTask): Promise<boolean> {
    const kept = await this.#kept(task);
    if (kept) this.#judge(task, kept, kept.call).catch(() => undefined); // of a runtime that stops: the next takes it up
    return kept !== undefined;
  }

  complete(held: HeldAttempt, work: WorkDone, cause: Cause): Promise<Reported | Refusal> {
    return this.#once(held, cause, async () => {
      const { text, truncated } = bounded(work.result);
      const { used } = work;
      const task = this.#live(held);
      const structured = task?.spec.result_schema && work.structured; // data that nobody asked for is not kept
      const more = { ...(structured !== undefined && { structured }), ...(used && { used }) };
      const kept: Kept = { result: text, ...more, ...(truncated && { truncated }) };
      if (!task) return this.#stale(held, { kind: 'finished', outcome: outcomeOf(kept, '') }, cause);
      if (this.isJudged(keyOf(held.task), held.attempt)) return tooLate(held);
      if (!isChecked(task)) return this.#end(held, await this.#described(task, doneOf(kept, task)), cause);
      const onDisk = this.#keep(task, { ...kept, ...(cause.call !== undefined && { call: cause.call }) }); // E3
      return this.#soon(held, this.#judge(task, kept, cause.call, onDisk));
    });
  }

  fail(held: HeldAttempt, { output, ...failure }: WorkFailed, cause: Cause): Promise<Reported | Refusal> {
    return this.#once(held, cause, async () => {
      const task = this.#live(held);
      if (task && this.isJudged(keyOf(held.task), held.attempt)) return tooLate(held);
      const said = output === undefined ? {} : { output: bounded(output, MAX_OUTPUT).text };
      const facts: Failure = { ...failure, ...said, ...(task && { agent: agentOf(task) }) };
      const { class: error_class, reason } = failure;
      if (!task)
        return this.#stale(held, { kind: 'finished', outcome: { state: 'failed', error_class, reason } }, cause);
      return this.#end(held, await this.#described(task, this.#afterFailure(facts, task)), cause);
    });
  }

  /** What is given back is not taken again in the same moment by whoever gave it back. */
  #afterFailure(failure: Failure, task: LiveTask): AttemptEnd {
    const end = afterFailure(failure, this.#situation(task));
    return end.kind === 'requeue' && failure.class === 'stopped'
      ? { ...end, not_before: Math.max(end.not_before, this.#ports.clock.now() + GIVEN_BACK_MS) }
      : end;
  }

  /** For what the worker did not say itself: that it is gone, or too slow. */
  endOf(task: LiveTask, failure: Failure): AttemptEnd {
    return afterFailure({ ...failure, agent: agentOf(task) }, this.#situation(task));
  }

  stop(): void {
    this.#stopped = true;
  }

  /** E2 */
  #once(held: HeldAttempt, { call }: Cause, act: () => Promise<Reported | Refusal>): Promise<Reported | Refusal> {
    if (call === undefined) return act();
    const known = this.#answers.get(call);
    if (known) return known;
    const answer = this.#ports.store.answered(call) ? this.#became(held) : this.#unlessKept(held, call, act);
    this.#answers.set(call, answer);
    answer.catch(() => this.#answers.delete(call));
    const [oldest] = this.#answers.keys();
    if (this.#answers.size > MAX_ANSWERS && oldest !== undefined) this.#answers.delete(oldest);
    return answer;
  }

  /** The call that an earlier runtime was told by, and whose work is being judged now. */
  async #unlessKept(held: HeldAttempt, call: string, act: () => Promise<Reported | Refusal>) {
    const judging = this.#judging.get(keyOf(held.task));
    const task = this.#live(held);
    if (!judging || !task || judging.attempt !== held.attempt) return act();
    return (await this.#kept(task))?.call === call ? this.#soon(held, judging.verdict) : act();
  }

  /** E1 */
  #live({ task: ref, attempt, token }: HeldAttempt): LiveTask | undefined {
    const task = this.#ports.store.open().get(keyOf(ref));
    return task && isLive(task) && task.attempt === attempt && task.token === token ? task : undefined;
  }

  /** E1 */
  async #stale(held: HeldAttempt, end: AttemptEnd, cause: Cause): Promise<Reported | Refusal> {
    if (await this.#strays.isNews(held)) return this.#end(held, end, cause);
    const { task, attempt } = held;
    return refuse(
      'stale',
      `the report of attempt ${attempt} of ${task.id} changes nothing: it is over, or there was none`,
      'stop working on it',
    );
  }

  async #judge(
    task: LiveTask,
    kept: Kept,
    call: string | undefined,
    onDisk: Promise<void> = Promise.resolve(),
  ): Promise<Reported | Refusal> {
    const key = keyOf(task);
    const verdict = onDisk.then(() => this.#verdict(task, kept, call));
    this.#judging.set(key, { attempt: task.attempt, verdict });
    try {
      return await verdict;
    } finally {
      if (this.#judging.get(key)?.verdict === verdict && !this.#stopped) this.#judging.delete(key);
    }
  }

  async #verdict(task: LiveTask, kept: Kept, call: string | undefined): Promise<Reported | Refusal> {
    const held = { task: { project: task.project, id: task.id }, attempt: task.attempt, token: task.token };
    try {
      const judged = await this.#checked(task, kept, this.#leaseOf(held));
      if (judged === undefined) return { state: 'verifying', note: 'the runtime is stopping; the next one goes on' };
      const end = await this.#described(task, attemptEnd(judged, this.#situation(task)));
      return await this.#end(held, end, { by: 'runner', ...(call !== undefined && { call }) });
    } catch (error) {
      const { say, clock } = this.#ports;
      say('error', 'the work of a worker could not be judged; it is tried again', {
        task: task.id,
        error: String(error),
      });
      if (this.#stopped) throw error;
      await new Promise<void>((resolve) => void clock.after(AGAIN_MS, resolve));
      return this.#verdict(task, kept, call);
    }
  }

  /** Undefined when the runtime stops meanwhile. */
  async #checked(task: LiveTask, kept: Kept, lease: Lease): Promise<RunVerdict | undefined> {
    const { workspaces, checks, store, home } = this.#ports;
    const outcome = outcomeOf(kept, agentOf(task));
    const isOver = () => {
      const now = store.open().get(keyOf(task));
      const live = now && isLive(now) && now.attempt === task.attempt;
      return live ? now.cancel : 'its attempt has ended meanwhile';
    };
    const cancelled = (reason: string) =>
      ({ kind: 'cancelled', reason, ...(kept.used && { used: kept.used }) }) as const;
    const before = isOver();
    if (before !== undefined) return cancelled(before); // nobody would stop the check
    const opened = await workspaces.open(task);
    const meanwhile = isOver();
    if (meanwhile !== undefined) return cancelled(meanwhile);
    if (opened.kind === 'wait') throw new Error(`its work can't be checked now: ${opened.reason}`);
    if (opened.kind === 'unfit') return { kind: 'failed', failure: { class: 'invalid', reason: opened.reason } };
    const dir = runDirOf(home, lease.task, lease.attempt);
    const checked = await checks.check({ task, lease, dir, cwd: opened.cwd, outcome });
    if (checked.kind !== 'stopped') return checked;
    const reason = isOver();
    return reason === undefined ? undefined : cancelled(reason);
  }

  async #end(held: HeldAttempt, end: AttemptEnd, cause: Cause): Promise<Reported | Refusal> {
    const refused = await this.#ports.store.end(this.#leaseOf(held), end, { ...cause, by: 'runner' });
    return refused ?? this.#became(held);
  }

  async #became({ task: ref, attempt }: HeldAttempt): Promise<Reported> {
    const task = await this.#ports.store.get(ref);
    if (!task) return { state: 'unknown', note: 'nothing is known of this task any more' };
    if (!('spec' in task)) return { state: task.state, note: task.reason ?? 'it is on record' };
    const why = task.last_error?.attempt === attempt ? `: ${task.last_error.reason}` : '';
    return { state: task.state, note: `it went back to the queue${why}` };
  }

  /** A check may take longer than a call should: then it is said that it goes on. */
  #soon(held: HeldAttempt, verdict: Promise<Reported | Refusal>): Promise<Reported | Refusal> {
    const { clock } = this.#ports;
    return new Promise((resolve, reject) => {
      const note = `the work on ${held.task.id} is being checked; nothing more is wanted of you for it`;
      const cancel = clock.after(ANSWER_WITHIN_MS, () => resolve({ state: 'verifying', note }));
      verdict.then(resolve, reject).finally(cancel);
    });
  }

  async #described(task: LiveTask, end: AttemptEnd): Promise<AttemptEnd> {
    if (end.kind !== 'finished' || !('handed' in task) || !worksInWorktree(task.spec)) return end;
    const workspace = await this.#ports.workspaces.describe(task);
    return workspace ? { ...end, outcome: { ...end.outcome, workspace } } : end;
  }

  #situation(task: LiveTask) {
    return retrySituation(task, { ...this.#ports, config: this.#ports.config(task.project) });
  }

  #leaseOf({ task, attempt, token }: HeldAttempt): Lease {
    return { task, attempt, token, epoch: this.#ports.store.epoch };
  }

  async #keep(task: LiveTask, kept: Kept): Promise<void> {
    const { files, home } = this.#ports;
    const dir = runDirOf(home, task, task.attempt);
    await files.makeDir(dir);
    await files.replace(join(dir, FILE), Buffer.from(JSON.stringify(kept)));
    await files.sync(join(dir, FILE));
    await files.syncDir(dir);
  }

  async #kept(task: LiveTask): Promise<Kept | undefined> {
    const path = join(runDirOf(this.#ports.home, task, task.attempt), FILE);
    const bytes = await this.#ports.files.read(path).catch(() => undefined);
    if (!bytes) return undefined;
    try {
      return Kept.parse(JSON.parse(Buffer.from(bytes).toString()));
    } catch {
      return undefined; // torn: nobody was told that it is here
    }
  }
}

const FILE = 'report.json';
function isChecked({ spec }: LiveTask): boolean {
  return spec.verify !== undefined || spec.result_schema !== undefined || worksInWorktree(spec);
}

function doneOf(kept: Kept, task: LiveTask): AttemptEnd {
  return { kind: 'finished', outcome: outcomeOf(kept, agentOf(task)) };
}

function outcomeOf({ result, structured, used, truncated }: Kept, agent: string): DoneOutcome {
  const { model, tokens, usage, cost } = used ?? {};
  return {
    ...{ state: 'done', result, agent },
    ...(structured !== undefined && { structured }),
    ...(model !== undefined && { model }),
    ...(tokens !== undefined && { tokens }),
    ...(usage && { usage }),
    ...costFacts(cost),
    ...(truncated && { truncated }),
  };
}

function agentOf({ route }: LiveTask): string {
  return route.to === 'agent' ? route.agent : route.provider;
}

function tooLate({ task, attempt }: HeldAttempt): Refusal {
  return refuse(
    'stale',
    `the work of attempt ${attempt} of ${task.id} was reported before, and is being checked`,
    'what was said first counts; go on with claim_task',
  );
}
