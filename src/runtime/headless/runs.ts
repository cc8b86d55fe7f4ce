import type { SessionAgent } from '../agents/agent.ts';
import type { HeadlessAgent } from '../agents/headless.ts';
import type { Claimed } from '../dispatcher/launch.ts';
import { codingAgent, isCodingAgent } from '../model/config.ts';
import { keyOf, type TaskKey, type TaskRef } from '../model/ids.ts';
import type { AgentRoute } from '../model/route.ts';
import type { SessionView } from '../model/session.ts';
import { isLive, type LiveTask } from '../model/task.ts';
import type { Change, HeldPipe } from '../ports.ts';
import type { EndedAttempt, Following, Prepared, Program, RunningRun, RunPlace, RunVerdict } from '../runs/program.ts';
import type { AgentRequest } from '../sessions/attempts/attempt-ports.ts';
import type { Asker } from '../sessions/typing/pane-agent.ts';
import { judgeHeadless } from './judge.ts';
import type { HeadlessPorts } from './ports.ts';
import { prepareHeadless } from './prepare.ts';
import { type HeadlessRecord, namedBy, readHeadless, writeHeadless } from './record.ts';
import { HeadlessRun } from './run.ts';

/*
 * Coding agents without a terminal, as programs that the attempts run.
 *
 * H1. A conversation has one writer at a time: it is reserved before anything is started, here and in sessions.
 * H2. What is kept of an attempt goes with it: when the store says that it is over, its pipe is closed and it is forgotten.
 * H3. Whatever the runtime forgets with a restart lies in the run directory: the record, the stream, the reports.
 */

interface Kept {
  readonly attempt: number;
  readonly task: LiveTask;
  conversation: string | undefined;
  readonly since: number;
  readonly dir: string;
  record?: HeadlessRecord;
  /** Held for an agent that is not started yet. */
  input?: HeldPipe;
  run?: HeadlessRun;
}

export class HeadlessRuns implements Program {
  readonly #ports: HeadlessPorts;
  readonly #kept = new Map<TaskKey, Kept>();
  readonly #unsubscribe: () => void;

  constructor(ports: HeadlessPorts) {
    this.#ports = ports;
    this.#unsubscribe = ports.store.subscribe((changes) => this.#onChanges(changes));
  }

  stop(): void {
    this.#unsubscribe();
  }

  // ── as a program ──────────────────────────────────────────────────────────

  async prepare(claimed: Claimed<AgentRoute>, place: RunPlace): Promise<Prepared> {
    const { task } = claimed;
    const { dir } = place;
    const now = this.#ports.clock.now();
    const kept: Kept = { attempt: task.attempt, task, conversation: undefined, since: now, dir };
    this.#kept.set(keyOf(task), kept);
    try {
      const prepared = await prepareHeadless(this.#ports, claimed, place, (one) => this.#reserve(kept, one));
      if (prepared.kind !== 'ready') return prepared;
      const { order, record, input } = prepared;
      kept.record = record;
      if (input && !this.#isKept(kept)) await input.close();
      else if (input) kept.input = input;
      return { kind: 'ready', order };
    } catch (error) {
      return { kind: 'refused', reason: `its run could not be prepared: ${String(error)}` };
    }
  }

  follow(run: RunningRun): Following {
    const kept = this.#keptOf(run);
    const began = this.#begin(run, kept);
    let closed = false;
    void began.then((started) => (closed ? started?.close() : undefined));
    return {
      blocked: () => kept.run?.blocked() ?? { ms: 0, since: this.#ports.clock.now() },
      close: async () => {
        closed = true;
        await (await began)?.close();
      },
    };
  }

  async judge(run: EndedAttempt): Promise<RunVerdict> {
    const { files, clock, userHome, of, headless, profiles, requests } = this.#ports;
    const followed = this.#kept.get(keyOf(run.task))?.run;
    if (followed?.dir === run.dir) await followed.end();
    else await requests.recovered(run.dir);
    const record = await readHeadless(files, run.dir);
    if (record === undefined) return withoutRecord(run);
    const failed = profiles.failed.bind(profiles);
    const agent = headless(record.agent);
    const { prices } = codingAgent(of(run.task.project), record.agent);
    const ports = { files, clock, userHome, prices, failed };
    const { verdict, state, spent } = await judgeHeadless(ports, run, record, agent);
    if (spent.windows && record.profile !== undefined) await profiles.used(record.agent, record.profile, spent.windows);
    const named = namedBy(record, state.conversation, undefined);
    if (named !== record) await writeHeadless(files, run.dir, named); // the next attempt goes on with it
    return verdict;
  }

  ttl({ route, project }: LiveTask): number | undefined {
    if (route.to !== 'agent' || !isCodingAgent(route.agent)) return undefined;
    return codingAgent(this.#ports.of(project), route.agent).ttl;
  }

  // ── for sessions ──────────────────────────────────────────────────────────

  /** H1 */
  writerOf(conversation: string): string | undefined {
    const kept = [...this.#kept.values()].find((one) => this.#conversationOf(one) === conversation);
    return kept && this.#nameOf(kept.task);
  }

  asker(name: string): Asker | undefined {
    const kept = this.named(name);
    const record = kept?.run?.record;
    if (!kept?.run || !record) return undefined;
    const { dir, run } = kept;
    const { conversation, transcript, config_dir } = record;
    return {
      ...{ seat: name, run_dir: dir, conversation, transcript, home: this.#ports.userHome, target: { pid: 0 } },
      ...(config_dir !== undefined && { config_dir }),
      agent: answering(this.#ports.headless(record.agent), this.#ports.agent(record.agent), conversation, run),
    };
  }

  /** A hook has taken the answer to this. */
  answered({ run_dir, report }: AgentRequest): void {
    [...this.#kept.values()].find(({ dir }) => dir === run_dir)?.run?.answered(report);
  }

  // ── for people ────────────────────────────────────────────────────────────

  views(): SessionView[] {
    return [...this.#kept.values()].map((kept) => kept.run?.view() ?? this.#startingView(kept));
  }

  named(name: string): { readonly task: LiveTask; readonly dir: string; readonly run?: HeadlessRun } | undefined {
    return [...this.#kept.values()].find(({ task }) => this.#nameOf(task) === name);
  }

  /** Whose conversation it is. */
  taskIn(conversation: string): TaskRef | undefined {
    const kept = [...this.#kept.values()].find((one) => this.#conversationOf(one) === conversation);
    return kept && { project: kept.task.project, id: kept.task.id };
  }

  #startingView({ task, dir, since, record, conversation }: Kept): SessionView {
    const ref = { project: task.project, id: task.id };
    const agent = task.route.to === 'agent' ? task.route.agent : '';
    return {
      ...{ name: this.#nameOf(task), agent, kind: 'headless', managed: true, state: 'starting', requests: [] },
      ...{ project: task.project, task: { ref, title: task.title, attempt: task.attempt, since, run_dir: dir } },
      ...(conversation !== undefined && { conversation }),
      ...(record?.model !== undefined && { model: record.model }),
      ...(record?.profile !== undefined && { profile: record.profile }),
    };
  }

  #nameOf({ project, id }: LiveTask): string {
    return `${this.#ports.projectName(project)}/${id}`;
  }

  // ── what is kept ──────────────────────────────────────────────────────────

  /** H1: nothing is waited for between the look and the reservation. */
  async #reserve(kept: Kept, conversation: string): Promise<string | undefined> {
    const writer = this.writerOf(conversation);
    if (writer !== undefined) return writer;
    kept.conversation = conversation;
    const inSession = await this.#ports.leave(conversation);
    if (inSession !== undefined) kept.conversation = undefined;
    return inSession;
  }

  /** After a restart there is none yet. */
  #keptOf({ task, lease, dir }: RunningRun): Kept {
    const known = this.#kept.get(keyOf(task));
    if (known?.attempt === lease.attempt) return known;
    const since = task.state === 'running' ? task.started_at : this.#ports.clock.now();
    const kept: Kept = { attempt: lease.attempt, task, conversation: undefined, since, dir };
    this.#kept.set(keyOf(task), kept);
    return kept;
  }

  async #begin(run: RunningRun, kept: Kept): Promise<HeadlessRun | undefined> {
    const record = kept.record ?? (await this.#recordOf(run)); // H3
    if (record === undefined || !this.#isKept(kept)) return undefined;
    kept.record = record;
    kept.conversation = record.conversation;
    const { input } = kept;
    delete kept.input;
    kept.run = new HeadlessRun(this.#ports, {
      ...{ ...run, record, name: this.#nameOf(run.task) },
      ...(input && { input }),
    }).begin();
    return kept.run;
  }

  async #recordOf({ dir, task }: RunningRun): Promise<HeadlessRecord | undefined> {
    const record = await readHeadless(this.#ports.files, dir);
    if (!record) this.#ports.say('warn', 'the record of a run is lost; it is not looked on', { task: task.id, dir });
    return record;
  }

  #isKept(kept: Kept): boolean {
    return [...this.#kept.values()].includes(kept);
  }

  #conversationOf({ run, conversation }: Kept): string | undefined {
    return run?.record.conversation ?? conversation;
  }

  /** H2 */
  #onChanges(changes: readonly Change[]): void {
    for (const { before, after } of changes) {
      if (before === undefined) continue;
      const kept = this.#kept.get(keyOf(before));
      if (!kept) continue;
      const goesOn = after && 'spec' in after && isLive(after) && after.attempt === kept.attempt;
      if (goesOn) continue;
      this.#kept.delete(keyOf(before));
      void kept.input?.close();
      void kept.run?.end().then(() => kept.run?.close());
    }
  }
}

function withoutRecord({ stopped, task }: EndedAttempt): RunVerdict {
  if (stopped?.why === 'cancelled') return { kind: 'cancelled', reason: stopped.reason };
  const agent = task.route.to === 'agent' ? task.route.agent : 'unknown';
  return { kind: 'failed', failure: { class: 'crash', reason: 'the record of its run is lost', agent } };
}

/** Its stream is its sign of life: one that came behind an answer says that it has gone on. */
function answering(
  headless: HeadlessAgent,
  session: SessionAgent,
  conversation: string,
  run: HeadlessRun,
): Asker['agent'] {
  return {
    hear: (report) => session.hear(report),
    answer: (report, answer) => headless.answer?.(report, answer) ?? '',
    live: async () => ({ status: 'unknown', conversation, at: run.sign }),
  };
}
