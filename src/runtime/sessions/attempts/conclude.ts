import type { AgentFailure, Conversation } from '../../agents/agent.ts';
import { type CodingAgentName, codingAgent } from '../../model/config.ts';
import type { Prices } from '../../model/provider.ts';
import type { Lease, LiveTask } from '../../model/task.ts';
import { type Used, usedOf } from '../../model/usage.ts';
import { billOf } from '../../policy/budget.ts';
import { afterFailure } from '../../policy/retry.ts';
import type { AttemptEnd } from '../../ports.ts';
import { bounded } from '../../runs/bounded.ts';
import { retrySituation } from '../../runs/situation.ts';
import type { DoneOutcome } from '../../work.ts';
import type { SessionAttemptPorts } from './attempt-ports.ts';
import type { Ending } from './ending.ts';
import type { RunRecord } from './run-record.ts';

/*
 * How an attempt in a session ends.
 *
 * N1. Done is told at once, and the agent stays open. Anything else is told after the agent is proved dead and its session
 *     holds the placeholder again: nothing of it may be at work when the next attempt begins.
 * N2. An answer that the model refused to give, or that was cut off, is no result.
 */

export interface Concluding {
  readonly task: LiveTask;
  readonly lease: Lease;
  readonly dir: string;
  readonly record: RunRecord;
}

const NO_RESULT: Readonly<Record<string, string>> = {
  refusal: 'the model refused to answer',
  max_tokens: "the model's answer was cut off at its longest",
};

/** Whether the conversation holds the answer that was told: what it was stopped by, and what it cost, stands there. */
export function isWritten(message: string, conversation: Conversation | undefined): boolean {
  const answer = conversation?.answer;
  return conversation?.failure !== undefined || answer?.text.trim().endsWith(message.trim()) === true;
}

/** Why what was said at the end is not the task's result (N2). */
export function notDone(message: string, conversation: Conversation | undefined): AgentFailure | undefined {
  if (conversation?.failure) return conversation.failure;
  const { stop_reason, text } = conversation?.answer ?? {};
  const why = stop_reason === undefined ? undefined : NO_RESULT[stop_reason];
  if (why === undefined) return undefined;
  return { class: 'logic_error', reason: said(why, message || text || '') };
}

export function doneOutcome(
  { task, record }: Concluding,
  message: string,
  conversation: Conversation | undefined,
  prices?: Prices,
): DoneOutcome {
  const { text, truncated } = bounded(message.trim() === '' ? (conversation?.answer?.text ?? '') : message);
  const model = conversation?.answer?.model ?? record.model;
  return {
    state: 'done',
    result: text,
    agent: task.route.to === 'agent' ? task.route.agent : record.agent,
    ...(model !== undefined && { model }),
    session_id: record.conversation,
    ...(record.profile !== undefined && { profile: record.profile }),
    ...(conversation && spending(conversation, prices)),
    ...(truncated && { truncated }),
  };
}

/** A cost that the program tells holds that of its subagents; one by the table is of what stands there. */
function spending({ usage: { cost_usd: told, ...usage }, spent }: Conversation, prices: Prices | undefined) {
  const cost_usd = told ?? (prices && billOf(undefined, spent, prices).usd);
  const tokens = usage.input_tokens + usage.output_tokens + usage.cache_read_tokens + usage.cache_write_tokens;
  if (tokens === 0 && cost_usd === undefined) return {};
  return { usage, tokens, ...(cost_usd !== undefined && { cost_usd }) };
}

/** N1 */
export async function endFailed(
  ports: SessionAttemptPorts,
  attempt: Concluding,
  ending: Ending,
  conversation: Conversation | undefined,
): Promise<AttemptEnd> {
  const { task, dir, record } = attempt;
  const { grace } = ports.config(task.project).headless;
  await ports.checks.stop(dir);
  await ports.runner.stop(dir, grace);
  await ports.seats.vacate(record.session);
  const { prices } = codingAgent(ports.config(task.project), record.agent);
  const used = conversation && usedOf(spending(conversation, prices));
  if (ending.kind === 'cancelled') {
    return { kind: 'finished', outcome: { state: 'cancelled', reason: ending.reason, ...(used && { used }) } };
  }
  if (ending.cool) ports.seats.cool(record.session, ending.failure.reason);
  return failedEnd(ports, attempt, ending.failure, used);
}

async function failedEnd(
  ports: SessionAttemptPorts,
  { task, record }: Concluding,
  failure: Extract<Ending, { kind: 'failed' }>['failure'],
  used: Used | undefined,
): Promise<AttemptEnd> {
  const { config, clock, chance, profiles } = ports;
  const agent: CodingAgentName = record.agent;
  const account = failure.account !== undefined && record.profile !== undefined ? record.profile : undefined;
  const { rests } = account === undefined ? { rests: false } : await profiles.failed(agent, account, failure);
  const { account: _, fresh: __, ...facts } = failure;
  const named = task.route.to === 'agent' ? task.route.agent : agent;
  return afterFailure(
    {
      ...{ ...facts, agent: named, session_id: record.conversation },
      ...(record.profile !== undefined && { profile: record.profile }),
      ...(used && { used }),
    },
    { ...retrySituation(task, { config: config(task.project), clock, chance }), gated: rests },
  );
}

function said(why: string, message: string): string {
  const text = bounded(message, 2_000).text.trim();
  return text === '' ? why : `${why}: ${text}`;
}
