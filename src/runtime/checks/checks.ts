import type { Config } from '../model/config.ts';
import type { ProjectId } from '../model/ids.ts';
import type { Evidence, LiveTask } from '../model/task.ts';
import { usedOf } from '../model/usage.ts';
import { worksInWorktree } from '../policy/abilities.ts';
import type { Failure } from '../policy/retry.ts';
import type { Git, Patterns } from '../ports.ts';
import { runDirOf } from '../runs/order.ts';
import type { Checked, CheckOrder, Checks, DoneOutcome } from '../work.ts';
import { shortened, structuredOf } from './answer.ts';
import { complaintOf } from './complaint.ts';
import { CheckRecord, checkFiles, Look, readRecord, type Work, writeRecord } from './records.ts';
import { Verify, type VerifyPorts } from './verify.ts';
import { lookAt, workSince } from './workspace.ts';

/*
 * A look at the work of an attempt whose agent says that it is done.
 *
 * C1. A check is made once per attempt: what came of it is on disk before anybody hears of it, and a runtime that finds it
 *     believes it. A check that was begun is taken up where it is.
 * C2. Without anything to look at nothing is run, and the result says `unverified`.
 * C3. What the agent said is kept, whatever the check says of it.
 * C4. Who stops a check hears when nothing of it runs any more. When the runtime stops, it goes on.
 */

const LOOK_BACK = 10; // attempts

export interface ChecksPorts extends VerifyPorts {
  readonly home: string;
  readonly git: Pick<Git, 'run'>;
  readonly patterns: Patterns;
  readonly config: (project: ProjectId) => Config;
  /** How long a check that is stopped has to end by itself, in milliseconds. */
  readonly grace: () => number;
}

interface UnderWay {
  stopped: boolean;
  readonly made: Promise<Checked>;
  /** Answers for it, which goes on. */
  readonly leave: () => void;
}

const STOPPED: Checked = { kind: 'stopped' };

export class WorkChecks implements Checks {
  readonly #ports: ChecksPorts;
  readonly #verify: Verify;
  readonly #under_way = new Map<string, UnderWay>();
  #closed = false;

  constructor(ports: ChecksPorts) {
    this.#ports = ports;
    this.#verify = new Verify(ports);
  }

  /** C2 */
  async before({ spec }: LiveTask, dir: string, cwd: string): Promise<void> {
    if (spec.verify === undefined && !worksInWorktree(spec)) return;
    const look = await lookAt(this.#ports, cwd);
    if (look) await writeRecord(this.#ports.files, checkFiles(dir).before, look);
  }

  async check(order: CheckOrder): Promise<Checked> {
    if (this.#closed) return STOPPED;
    const { dir } = order;
    const making = { stopped: false };
    let leave = () => {};
    const left = new Promise<Checked>((resolve) => {
      leave = () => resolve(STOPPED);
    });
    const made = this.#make(order, making);
    const under_way = Object.assign(making, { made, leave });
    this.#under_way.set(dir, under_way);
    try {
      return await Promise.race([made, left]);
    } finally {
      if (this.#under_way.get(dir) === under_way) this.#under_way.delete(dir);
    }
  }

  /** C4 */
  async stop(dir: string): Promise<void> {
    const under_way = this.#under_way.get(dir);
    if (under_way) under_way.stopped = true;
    await this.#verify.stop(dir, this.#ports.grace());
    await under_way?.made.catch(() => undefined); // who asked for it hears of that
  }

  /** C4 */
  close(): void {
    this.#closed = true;
    for (const { leave } of this.#under_way.values()) leave();
  }

  /** Of the newest check that there was: an attempt in between may have died. */
  async complaint(task: LiveTask): Promise<string | undefined> {
    if ((task.rejected ?? 0) === 0) return undefined;
    const { files, home } = this.#ports;
    for (let attempt = task.attempt - 1; attempt > Math.max(0, task.attempt - 1 - LOOK_BACK); attempt--) {
      const { check } = checkFiles(runDirOf(home, task, attempt));
      const record = await readRecord(files, check, CheckRecord);
      if (record) return complaintOf(record);
    }
    return undefined;
  }

  /** C1 */
  async #make(order: CheckOrder, making: { readonly stopped: boolean }): Promise<Checked> {
    const { files, patterns } = this.#ports;
    const { spec } = order.task;
    const { check } = checkFiles(order.dir);
    const structured = spec.result_schema && structuredOf(order.outcome, spec.result_schema, patterns.matcher());
    const data = structured?.kind === 'fits' ? { structured: structured.data } : {};
    const record: CheckRecord | undefined =
      structured?.kind === 'differs'
        ? { problems: [...structured.problems], ...(await this.#evidence(order)) }
        : await this.#look(order, making, check);
    if (record === undefined || making.stopped) return STOPPED;
    if (record.problems || record.verify) await writeRecord(files, check, record);
    return conclusion(order, { ...order.outcome, ...data }, record);
  }

  async #look(
    order: CheckOrder,
    making: { readonly stopped: boolean },
    path: string,
  ): Promise<CheckRecord | undefined> {
    if (order.task.spec.verify === undefined) return this.#evidence(order);
    const known = this.#verify.hasBegun(order) ? await readRecord(this.#ports.files, path, CheckRecord) : undefined;
    if (known?.verify) return known;
    const verified = await this.#verify.run(order, making, () => this.#work(order));
    return verified && { verify: verified.verdict, evidence: verified.evidence };
  }

  async #evidence(order: CheckOrder): Promise<{ evidence?: Evidence }> {
    const work = await this.#work(order);
    return work ? { evidence: work } : {};
  }

  /** C2 */
  async #work({ task: { spec }, dir, cwd }: CheckOrder): Promise<Work | undefined> {
    if (spec.verify === undefined && !worksInWorktree(spec)) return undefined;
    const before = await readRecord(this.#ports.files, checkFiles(dir).before, Look);
    return before && workSince(this.#ports, cwd, before);
  }
}

function conclusion({ doubt }: CheckOrder, outcome: DoneOutcome, record: CheckRecord): Checked {
  const { problems, verify, evidence } = record;
  const seen = evidence ? { evidence } : {};
  const refused = problems ? schemaFailure(problems) : verify && !verify.passed ? verifyFailure(verify) : undefined;
  const failure = refused ?? (verify ? undefined : doubt);
  if (failure) return { kind: 'failed', failure: { ...factsOf(outcome), ...failure, ...seen } };
  return { kind: 'done', outcome: { ...outcome, ...seen, verified: verify ? 'passed' : 'unverified' } };
}

function schemaFailure(problems: NonNullable<CheckRecord['problems']>): Failure {
  const lines = problems.map(({ path, says }) => `${path === '' ? 'the result' : path} ${says}`);
  const more = lines.length > 1 ? ` (and ${lines.length - 1} more)` : '';
  return {
    class: 'verify',
    reason: `the result does not fit result_schema: ${lines[0]}${more}`,
    output: lines.join('\n'),
  };
}

function verifyFailure({ reason, output, unfit }: NonNullable<CheckRecord['verify']>): Failure {
  return { class: unfit ?? 'verify', reason, ...(output !== '' && { output }) };
}

/** C3 */
function factsOf(outcome: DoneOutcome): Omit<Failure, 'class' | 'reason'> {
  const { agent, session_id, cost_usd, result } = outcome;
  const used = usedOf(outcome);
  const answer = shortened(result);
  return {
    ...(agent !== undefined && { agent }),
    ...(session_id !== undefined && { session_id }),
    ...(cost_usd !== undefined && { cost_usd }),
    ...(used && { used }),
    ...(answer.trim() !== '' && { answer }),
  };
}
