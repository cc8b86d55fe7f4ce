import { shortened } from '../checks/answer.ts';
import { checkFiles, writeRecord } from '../checks/records.ts';
import type { Config } from '../model/config.ts';
import { keyOf, type ProjectId } from '../model/ids.ts';
import type { Lease } from '../model/task.ts';
import { against } from '../policy/patch/against.ts';
import { type Found, findPatch } from '../policy/patch/patch.ts';
import type { Failure } from '../policy/retry.ts';
import type { TaskStore } from '../ports.ts';
import { runDirOf } from '../runs/order.ts';
import type { Answer, Answers, Checked, Checks, DoneOutcome, Workspaces } from '../work.ts';
import { type Applied, type ApplyPorts, applyPatch, takeBack } from './apply.ts';
import { keepAnswer, keptAnswer } from './records.ts';
import { usedOf } from './used.ts';

/*
 * What becomes of the answers of providers.
 *
 * J1. An answer was paid for: it is on disk before anything is made of it, and is asked for no second time.
 * J2. A patch in it is kept beside the result. It is applied only where its task says so, in the task's own worktree.
 * J3. Once the journal says that the work is being checked, nothing is applied any more: the check goes on where it is.
 * J4. Who stops it hears when nothing of it runs any more; a step of git that was begun is gone through with.
 */

export interface AnswersPorts extends ApplyPorts {
  readonly store: Pick<TaskStore, 'open'>;
  readonly checks: Checks;
  readonly workspaces: Workspaces;
  readonly config: (project: ProjectId) => Config;
}

interface UnderWay {
  stopped: boolean;
  made?: Promise<Checked>;
}

const STOPPED: Checked = { kind: 'stopped' };

export class DelegatedAnswers implements Answers {
  readonly #ports: AnswersPorts;
  readonly #under_way = new Map<string, UnderWay>();

  constructor(ports: AnswersPorts) {
    this.#ports = ports;
  }

  async judge(answer: Answer): Promise<Checked> {
    const dir = this.#dir(answer.lease);
    const under_way: UnderWay = { stopped: false };
    this.#under_way.set(dir, under_way);
    under_way.made = this.#judge(answer, dir, under_way);
    try {
      return await under_way.made;
    } finally {
      if (this.#under_way.get(dir) === under_way) this.#under_way.delete(dir);
    }
  }

  kept(lease: Lease): Promise<DoneOutcome | undefined> {
    return keptAnswer(this.#ports.files, this.#dir(lease));
  }

  /** J4 */
  async stop(lease: Lease): Promise<void> {
    const dir = this.#dir(lease);
    const under_way = this.#under_way.get(dir);
    if (under_way) under_way.stopped = true;
    await this.#ports.checks.stop(dir);
    await under_way?.made?.catch(() => undefined); // who asked for it hears of that
  }

  async #judge(answer: Answer, dir: string, under_way: UnderWay): Promise<Checked> {
    await keepAnswer(this.#ports.files, dir, answer.outcome); // J1
    const found = findPatch(answer.outcome.result);
    const judged =
      answer.task.spec.apply === undefined
        ? await this.#check(answer, dir, undefined)
        : await this.#applied(answer, dir, found, under_way);
    if (under_way.stopped || judged.kind === 'stopped') return STOPPED;
    if (judged.kind === 'failed') return { kind: 'failed', failure: { ...factsOf(answer), ...judged.failure } };
    if (found.kind !== 'patch') return judged;
    const { files, insertions, deletions } = found.patch;
    return { ...judged, outcome: { ...judged.outcome, patch: { files, insertions, deletions } } }; // J2
  }

  /** Work that is nowhere is not verified. */
  #check({ task, lease, outcome }: Answer, dir: string, cwd: string | undefined): Promise<Checked> {
    const { verify: _, ...spec } = task.spec;
    const seen = cwd === undefined ? { ...task, spec } : task;
    return this.#ports.checks.check({ task: seen, lease, dir, cwd: cwd ?? dir, outcome });
  }

  async #applied(answer: Answer, dir: string, found: Found, under_way: UnderWay): Promise<Checked> {
    const { task, outcome } = answer;
    const unusable = this.#hasBegun(answer) ? undefined : unusableOf(found, outcome);
    if (unusable) return this.#refused(dir, unusable, '');
    const opened = await this.#ports.workspaces.open(task);
    if (opened.kind === 'wait') throw new Error(`its answer can't be applied now: ${opened.reason}`);
    if (opened.kind === 'unfit') return failed('invalid', `its answer can't be applied: ${opened.reason}`);
    const { cwd } = opened;
    if (under_way.stopped) return STOPPED;
    const stands = this.#hasBegun(answer) ? undefined : await this.#apply(answer, dir, cwd, found); // J3
    if (stands) return stands;
    if (under_way.stopped) return STOPPED;
    const checked = await this.#check(answer, dir, cwd);
    return checked.kind === 'stopped' ? checked : this.#described(answer, dir, cwd, checked);
  }

  /** Why it was not applied; undefined where it is in the worktree now. */
  async #apply(answer: Answer, dir: string, cwd: string, found: Found): Promise<Checked | undefined> {
    if (found.kind !== 'patch') return undefined;
    const { task, lease, outcome } = answer;
    const { patch } = found;
    const forbidden = against(patch);
    if (forbidden !== undefined) return permission(forbidden);
    const before = () => this.#ports.checks.before(task, dir, cwd);
    const provider = outcome.provider ?? 'a provider';
    const applied: Applied = await applyPatch(this.#ports, { task, lease, provider, dir, cwd, patch, before });
    switch (applied.kind) {
      case 'applied':
        return undefined;
      case 'no_fit':
        return this.#refused(dir, applied.reason, applied.output);
      case 'forbidden':
        return permission(applied.reason);
      case 'unfit':
        return failed('invalid', applied.reason);
    }
  }

  /** Back to its provider, with what is wrong (checks/complaint.ts). */
  async #refused(dir: string, reason: string, output: string): Promise<Checked> {
    await writeRecord(this.#ports.files, checkFiles(dir).check, { patch: { reason, output } });
    return { kind: 'failed', failure: { class: 'verify', reason, ...(output !== '' && { output }) } };
  }

  async #described(answer: Answer, dir: string, cwd: string, checked: Exclude<Checked, { kind: 'stopped' }>) {
    const { workspaces } = this.#ports;
    const { task } = answer;
    if (checked.kind === 'failed' && this.#goesBack(answer, checked.failure)) {
      await takeBack(this.#ports, { task, dir, cwd });
      return checked;
    }
    const workspace = await workspaces.describe(task);
    if (!workspace) return checked;
    if (checked.kind === 'failed') return { ...checked, failure: { ...checked.failure, workspace } };
    return { ...checked, outcome: { ...checked.outcome, workspace } };
  }

  /** As policy/retry.ts has it. */
  #goesBack({ task }: Answer, failure: Failure): boolean {
    const times = task.spec.verify_retries ?? this.#ports.config(task.project).verify_retries;
    return failure.class === 'verify' && (task.rejected ?? 0) < times;
  }

  #hasBegun({ task }: Answer): boolean {
    const now = this.#ports.store.open().get(keyOf(task));
    return now?.state === 'running' && now.attempt === task.attempt && now.verifying_since !== undefined;
  }

  #dir({ task, attempt }: Lease): string {
    return runDirOf(this.#ports.home, task, attempt);
  }
}

function unusableOf(found: Found, { truncated }: DoneOutcome): string | undefined {
  if (found.kind === 'none') return 'the answer holds no patch';
  if (found.kind === 'broken') return `the patch in the answer can't be read: ${found.why}`;
  return truncated ? 'the answer was cut off, so its patch may not be whole' : undefined;
}

function permission(reason: string): Checked {
  return failed('permission', `the patch in the answer was not applied: ${reason}; nothing was changed`);
}

function failed(error_class: Failure['class'], reason: string): Checked {
  return { kind: 'failed', failure: { class: error_class, reason, final: true } };
}

function factsOf({ outcome }: Answer): Omit<Failure, 'class' | 'reason'> {
  const { provider, job_id, result } = outcome;
  const used = usedOf(outcome);
  return {
    ...(provider !== undefined && { provider }),
    ...(job_id !== undefined && { job_id }),
    ...(used && { used }),
    ...(result.trim() !== '' && { answer: shortened(result) }),
  };
}
