import type { AgentFailure } from '../agents/agent.ts';
import type { HeadlessAgent, RunState } from '../agents/headless.ts';
import type { CodingAgentName } from '../model/config.ts';
import type { Prices } from '../model/provider.ts';
import { type Tokens, usedOf } from '../model/usage.ts';
import { totalOf } from '../policy/budget.ts';
import type { Failure } from '../policy/retry.ts';
import type { Clock, Files } from '../ports.ts';
import { bounded } from '../runs/bounded.ts';
import type { EndedAttempt, RunVerdict } from '../runs/program.ts';
import { readTail } from '../runs/reader.ts';
import { writeEnding } from '../sessions/attempts/ending.ts';
import { type HeadlessRecord, headlessFiles } from './record.ts';
import { Shown } from './shown.ts';
import { type Spending, spendingOf } from './spending.ts';
import { Stream } from './stream.ts';

/*
 * What a run came to that has ended.
 *
 * J1. It is worked out from the files of its run directory alone: whoever looks later finds the same.
 * J2. Why we stopped it comes before all that it made of the signal.
 * J3. A conversation that was itself the reason is noted as such, before anybody hears of the end.
 */

const MAX_FAILURE_BYTES = 16 * 1024;
const MAX_NAMED = 5;

export interface JudgePorts {
  readonly files: Files;
  readonly clock: Clock;
  readonly userHome: string;
  readonly prices: Prices | undefined;
  /** Of its account. `rests`: the next attempt may start as soon as any account is ready. */
  readonly failed: (
    agent: CodingAgentName,
    profile: string,
    failure: AgentFailure,
  ) => Promise<{ readonly rests: boolean }>;
}

export async function judgeHeadless(
  ports: JudgePorts,
  run: EndedAttempt,
  record: HeadlessRecord,
  agent: HeadlessAgent,
): Promise<{ readonly verdict: RunVerdict; readonly state: RunState; readonly spent: Spending }> {
  const { state, said } = await wholeStream(ports, run.dir, agent);
  const spent = await spendingOf(ports, { record, agent, state }, ports.prices);
  const verdict = await verdictOf(ports, run, { record, agent, state, said, spent });
  return { verdict, state, spent };
}

interface Seen {
  readonly record: HeadlessRecord;
  readonly agent: HeadlessAgent;
  readonly state: RunState;
  /** The end of what it showed. */
  readonly said: string;
  readonly spent: Spending;
}

/** J1 */
async function wholeStream({ files }: JudgePorts, dir: string, agent: HeadlessAgent) {
  const stream = new Stream(files, headlessFiles(dir).stdout, agent);
  const shown = new Shown();
  await stream.readOn(shown.add);
  stream.end(shown.add);
  return { state: stream.reader.now, said: shown.text };
}

async function verdictOf(ports: JudgePorts, run: EndedAttempt, seen: Seen): Promise<RunVerdict> {
  const { files, clock } = ports;
  const { end, stopped, task, dir } = run;
  const stderr = (await readTail(files, headlessFiles(dir).stderr, MAX_FAILURE_BYTES)).text;
  if (stopped?.why === 'cancelled') {
    const used = usedOf(booked(seen));
    return { kind: 'cancelled', reason: stopped.reason, ...(used && { used }) };
  }
  if (stopped) return failed(run, seen, stderr, { class: CLASS[stopped.why], reason: stopped.reason }); // J2
  const { state } = seen;
  const wants_structured = task.spec.result_schema !== undefined;
  const judged = seen.agent.judge({ state, end, stderr, wants_structured, now: clock.now() });
  if (judged.kind === 'done') return done(run, { ...seen, denials: [...state.denials, ...(judged.denials ?? [])] });
  const { failure } = judged;
  await writeEnding(files, dir, { kind: 'failed', failure }); // J3
  const rests = await accountRests(ports, seen.record, failure);
  return failed(run, seen, stderr, failure, rests);
}

const CLASS = { timeout: 'timeout', denied: 'permission', budget: 'budget', stopped: 'stopped' } as const;

async function accountRests({ failed }: JudgePorts, record: HeadlessRecord, failure: AgentFailure): Promise<boolean> {
  if (failure.account === undefined || record.profile === undefined) return false;
  return (await failed(record.agent, record.profile, failure)).rests;
}

interface Done extends Seen {
  readonly denials: RunState['denials'];
}

function done(run: EndedAttempt, seen: Done): RunVerdict {
  const { state, record } = seen;
  const { text, truncated } = bounded(state.answer?.text ?? '');
  const structured = state.answer?.structured;
  const model = state.model ?? record.model;
  const doubt = doubtOf(run, seen);
  return {
    kind: 'done',
    outcome: {
      state: 'done',
      result: text,
      agent: agentOf(run, record),
      ...(model !== undefined && { model }),
      session_id: state.conversation ?? record.conversation,
      ...(record.profile !== undefined && { profile: record.profile }),
      ...booked(seen),
      ...(state.turns !== undefined && { turns: state.turns }),
      ...(structured !== undefined && { structured }),
      ...(run.end.kind === 'exited' && { exit_code: run.end.code }),
      ...(truncated && { truncated }),
    },
    ...(doubt && { doubt }),
  };
}

/** It wanted to do what it was not allowed to: whether the work is done all the same is for a check to say. */
function doubtOf(run: EndedAttempt, { state, record, denials }: Done): Failure | undefined {
  if (denials.length === 0) return undefined;
  const tools = [...new Set(denials.map(({ tool }) => tool))];
  const more = tools.length > MAX_NAMED ? ` and ${tools.length - MAX_NAMED} more` : '';
  return {
    class: 'permission',
    reason: `it was not allowed to use ${tools.slice(0, MAX_NAMED).join(', ')}${more}, and nothing says that the work is done without`,
    agent: agentOf(run, record),
    session_id: state.conversation ?? record.conversation,
    output: bounded(state.answer?.text ?? '', MAX_FAILURE_BYTES).text,
  };
}

function failed(run: EndedAttempt, seen: Seen, stderr: string, failure: AgentFailure, gated = false): RunVerdict {
  const { state, record, said } = seen;
  const { account: _, fresh: __, ...facts } = failure;
  const { cost_usd, ...tokens } = booked(seen);
  const used = usedOf({ ...tokens, cost_usd });
  const output = [stderr.trim(), lastOf(said).trim()].filter((text) => text !== '');
  return {
    kind: 'failed',
    failure: {
      ...facts,
      agent: agentOf(run, record),
      session_id: state.conversation ?? record.conversation,
      ...(record.profile !== undefined && { profile: record.profile }),
      ...(run.end.kind === 'exited' && { exit_code: run.end.code }),
      ...(cost_usd !== undefined && { cost_usd }),
      ...(used && { used }),
      ...(output.length > 0 && { output: output.join('\n\n') }),
    },
    ...(gated && { gated }),
  };
}

function booked({ spent: { usage, bill } }: Seen): { usage?: Tokens; tokens?: number; cost_usd?: number } {
  const tokens = totalOf(usage);
  const { usd } = bill;
  if (tokens === 0 && !usd) return {};
  return { usage, tokens, ...(usd !== undefined && { cost_usd: usd }) };
}

function agentOf({ task }: EndedAttempt, record: HeadlessRecord): string {
  return task.route.to === 'agent' ? task.route.agent : record.agent;
}

function lastOf(said: string): string {
  if (said.length <= MAX_FAILURE_BYTES) return said;
  const end = said.slice(-MAX_FAILURE_BYTES);
  return end.slice(end.indexOf('\n') + 1);
}
