import { join } from 'node:path';
import { type Config, codingAgent, commandAgents, isCodingAgent } from '../model/config.ts';
import { durationText } from '../model/duration.ts';
import { keyOf, type ProjectId } from '../model/ids.ts';
import { isRefusal } from '../model/refusal.ts';
import type { Evidence, LiveTask } from '../model/task.ts';
import { type Argv, commandText, verifyCommand } from '../policy/verify-command.ts';
import type { Clock, Files, RunEnd, Runner, TaskStore } from '../ports.ts';
import { agentEnvironment, type Environment } from '../runs/environment.ts';
import { readStop, writeStop } from '../runs/stop.ts';
import type { CheckOrder } from '../work.ts';
import { outputSize, outputSum, outputTail } from './output.ts';
import { checkFiles, MAX_TRIES, Plan, readRecord, type Verdict, verifyDir, type Work, writeRecord } from './records.ts';

/*
 * The command of `verify`, as a run of its own beside its attempt.
 *
 * Y1. Before anything of it is there the journal says that the work is being checked; what lay there without that word is
 *     not ours and is taken away.
 * Y2. It is started once: a runtime that finds it takes it up, running or ended. It is started again, in a folder of its
 *     own, only after proof that it was lost.
 * Y3. Why it was ended by us is on disk before it is; what it made of the signal is no answer then.
 */

const LOOK_MS = 1_000;
const MAX_OUTPUT = 67_108_864; // bytes

export interface VerifyPorts {
  readonly store: Pick<TaskStore, 'open' | 'started' | 'verifying'>;
  readonly runner: Pick<Runner, 'start' | 'look' | 'recover' | 'ended' | 'stop'>;
  readonly files: Files;
  readonly clock: Clock;
  readonly config: (project: ProjectId) => Config;
  readonly env: Environment;
  readonly removeTree: (dir: string) => Promise<void>;
  readonly say: (level: 'info' | 'warn' | 'error', message: string, facts?: Readonly<Record<string, unknown>>) => void;
}

/** Whether its check was stopped meanwhile: then nothing further is begun. */
export interface Making {
  readonly stopped: boolean;
}

export interface Verified {
  readonly verdict: Verdict;
  readonly evidence: Evidence;
}

export class Verify {
  readonly #ports: VerifyPorts;

  constructor(ports: VerifyPorts) {
    this.#ports = ports;
  }

  /** Undefined where it was stopped, or where the attempt is not the live one any more. */
  async run(order: CheckOrder, making: Making, work: () => Promise<Work | undefined>): Promise<Verified | undefined> {
    const argv = verifyArgv(order.task, this.#ports.config(order.task.project));
    if (isRefusal(argv)) {
      const verdict = { passed: false, reason: `${argv.message}; ${argv.hint}`, output: '', unfit: 'invalid' as const };
      return { verdict, evidence: {} };
    }
    if (!(await this.#announced(order))) return undefined;
    let kept: Work | undefined;
    for (let number = 1; number <= MAX_TRIES; number++) {
      const dir = verifyDir(order.dir, number);
      const plan = await this.#plan(dir, argv, async () => kept ?? (await work()));
      kept = plan.work;
      const end = await this.#end(order, making, dir, plan);
      if (making.stopped) return undefined;
      const verified = await this.#judge(order.task, dir, plan, end);
      if (verified) return verified;
      this.#ports.say('warn', 'the check of a task was lost', { task: order.task.id, tries: number });
    }
    const verdict = { passed: false, reason: 'the check of the work was lost again and again', output: '' };
    return { verdict: { ...verdict, unfit: 'crash' }, evidence: { ...kept } };
  }

  /** What still runs there of an earlier one ends; what has not begun will not. */
  async stop(run_dir: string, graceMs: number): Promise<void> {
    const { files, runner } = this.#ports;
    for (let number = 1; number <= MAX_TRIES; number++) {
      const dir = verifyDir(run_dir, number);
      if (!(await files.stat(join(dir, 'plan.json')))) return;
      const found = await runner.recover(dir);
      if (found.kind === 'running') await runner.stop(dir, graceMs);
    }
  }

  /** The journal says so. */
  hasBegun({ task }: Pick<CheckOrder, 'task'>): boolean {
    const now = this.#ports.store.open().get(keyOf(task));
    return now?.state === 'running' && now.attempt === task.attempt && now.verifying_since !== undefined;
  }

  /** Y1 */
  async #announced({ task, lease, dir }: CheckOrder): Promise<boolean> {
    const { store, files, removeTree } = this.#ports;
    if (this.hasBegun({ task })) return true;
    if (store.open().get(keyOf(task))?.state === 'claimed') await store.started(lease); // it was over before that was written
    for (let number = 1; number <= MAX_TRIES; number++) await removeTree(verifyDir(dir, number));
    await files.remove(checkFiles(dir).check);
    return (await store.verifying(lease)) === undefined;
  }

  async #plan(dir: string, argv: Argv, work: () => Promise<Work | undefined>): Promise<Plan> {
    const { files, clock } = this.#ports;
    const path = join(dir, 'plan.json');
    const known = await readRecord(files, path, Plan);
    if (known) return known;
    const found = await work();
    const plan: Plan = { argv: [...argv], began_at: clock.now(), ...(found && { work: found }) };
    await files.makeDir(dir);
    await writeRecord(files, path, plan);
    return plan;
  }

  /** Y2 */
  async #end(order: CheckOrder, making: Making, dir: string, plan: Plan): Promise<Over> {
    const { runner } = this.#ports;
    const found = await runner.look(dir);
    if (found.kind === 'never_started') return { kind: 'lost', reason: 'it never began' };
    if (found.kind === 'exited' || found.kind === 'lost') return found;
    if (making.stopped) return { kind: 'lost', reason: 'it was stopped' };
    if (found.kind === 'running') return this.#inTime(order.task, dir, plan);
    const now = await this.#timed(dir, plan);
    const refused = await this.#start(order, dir, now);
    if (refused) return refused;
    if (making.stopped) await runner.stop(dir, this.#ports.config(order.task.project).headless.grace);
    return this.#inTime(order.task, dir, now);
  }

  /** A runtime that was away between plan and start has used none of its time. */
  async #timed(dir: string, plan: Plan): Promise<Plan> {
    const { clock, files } = this.#ports;
    if (clock.now() - plan.began_at < LOOK_MS) return plan;
    const now = { ...plan, began_at: clock.now() };
    await writeRecord(files, join(dir, 'plan.json'), now);
    return now;
  }

  async #start({ task, cwd, program }: CheckOrder, dir: string, { argv }: Plan): Promise<Over | undefined> {
    const { runner } = this.#ports;
    const started = await runner.start({ dir, argv, cwd, env: this.#environment(task, program, dir) });
    if (started.kind === 'started') return undefined;
    const found = await runner.look(dir); // another start may have been first
    if (found.kind === 'not_begun') return { kind: 'refused', reason: started.reason };
    return found.kind === 'never_started' ? { kind: 'lost', reason: started.reason } : undefined;
  }

  async #inTime(task: LiveTask, dir: string, { began_at }: Plan): Promise<RunEnd> {
    const { runner, clock, files, config } = this.#ports;
    const { verify_timeout, headless } = config(task.project);
    const end = async (reason: string) => {
      await writeStop(files, dir, { why: 'timeout', reason }); // Y3
      await runner.stop(dir, headless.grace);
    };
    let [over, cancel] = [false, () => {}];
    const again = (ms: number) => {
      if (!over) cancel = clock.after(ms, () => void watch());
    };
    const look = async (): Promise<void> => {
      const left = began_at + verify_timeout - clock.now();
      if (left <= 0) return end(`did not end within ${durationText(verify_timeout)}`);
      if ((await outputSize(files, dir)) > MAX_OUTPUT) return end(`printed more than ${MAX_OUTPUT} bytes`);
      again(Math.min(left, LOOK_MS));
    };
    const watch = () =>
      look().catch((error: unknown) => {
        this.#ports.say('error', 'a check could not be looked after', { task: task.id, error: String(error) });
        again(LOOK_MS);
      });
    void watch();
    try {
      return await runner.ended(dir);
    } finally {
      over = true;
      cancel();
    }
  }

  async #judge(task: LiveTask, dir: string, plan: Plan, end: Over): Promise<Verified | undefined> {
    const { files, clock } = this.#ports;
    const stopped = await readStop(files, dir);
    if (end.kind === 'lost' && !stopped) return undefined;
    const output = await outputTail(files, dir);
    const code = end.kind === 'exited' && !stopped ? end.code : undefined;
    const ms = end.kind === 'exited' ? end.ended_at - end.started_at : clock.now() - plan.began_at;
    const command = shown(task.spec.verify ?? '', plan.argv);
    const how = end.kind === 'refused' ? `could not be started: ${end.reason}` : (stopped?.reason ?? saidBy(end));
    return {
      verdict: { passed: code === 0, reason: `${command} ${how}`, output },
      evidence: {
        ...plan.work,
        verify: {
          command: commandText(plan.argv),
          ...(code !== undefined && { exit_code: code }),
          output_sha256: await outputSum(files, dir),
          seconds: Math.max(0, Math.round(ms / 100) / 10),
        },
      },
    };
  }

  /** As its agent's, so that both see the same; without the token that makes a caller an attempt. */
  #environment(task: LiveTask, program: string | undefined, dir: string): Record<string, string> {
    const { route, project, attempt } = task;
    const config = this.#ports.config(project);
    const named = program ?? (route.to === 'agent' ? route.agent : '');
    const agent = isCodingAgent(named) ? codingAgent(config, named) : commandAgents(config)[named];
    const identity = { task: task.id, project, attempt, run: '', run_dir: dir, token: '' };
    const env = agentEnvironment(this.#ports.env, agent ?? { env: {}, pass_env: [] }, identity);
    const { YARDMASTER_ATTEMPT_TOKEN: _, YARDMASTER_RUN: __, ...rest } = env;
    return rest;
  }
}

type Over = RunEnd | { readonly kind: 'refused'; readonly reason: string };

/** What came by a call, or is another try, may bring a command; any other file names a check. */
export function verifyArgv({ spec, source }: Pick<LiveTask, 'spec' | 'source'>, { checks }: Pick<Config, 'checks'>) {
  return verifyCommand(spec.verify ?? '', { checks, free: source === 'call' || source === 'retry' });
}

/** A check by its name, with what it runs. */
function shown(verify: string, argv: Argv): string {
  const command = `\`${commandText(argv)}\``;
  return argv.length > 1 && !verify.includes(' ') ? `The check ${verify} (${command})` : `The check ${command}`;
}

function saidBy(end: Over): string {
  if (end.kind !== 'exited') return end.reason;
  return end.signal === undefined ? `ended with exit code ${end.code}` : `was ended by ${end.signal}`;
}
