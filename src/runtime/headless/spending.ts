import type { HeadlessAgent, RunState } from '../agents/headless.ts';
import type { AccountWindow } from '../model/profile.ts';
import type { Prices } from '../model/provider.ts';
import type { ModelTokens, Tokens } from '../model/usage.ts';
import { type Bill, billOf, sumOf } from '../policy/budget.ts';
import type { Files } from '../ports.ts';
import type { HeadlessRecord } from './record.ts';

/** What a run has taken so far, of itself alone. */
export interface Spending {
  readonly usage: Tokens;
  readonly bill: Bill;
  readonly windows?: readonly AccountWindow[];
}

interface Io {
  readonly files: Files;
  readonly userHome: string;
}

/**
 * What its stream tells; where that is not enough, what stands in its conversation. What a conversation has cost that goes
 * on is in the results of its earlier runs too.
 */
export async function spendingOf(
  io: Io,
  run: { readonly record: HeadlessRecord; readonly agent: HeadlessAgent; readonly state: RunState },
  prices: Prices | undefined,
): Promise<Spending> {
  const { record, state } = run;
  const told = state.usage_of_conversation && record.resumes !== undefined ? undefined : state.usage;
  const read = told?.cost_usd === undefined ? await inConversation(io, run) : undefined;
  const spent = read && read.spent.length > 0 ? read.spent : [...withoutCost(run, told), ...(state.underway ?? [])];
  const windows = state.windows ?? read?.windows;
  const usage = sumOf(told?.cost_usd === undefined ? spent : [{ tokens: told }, ...spent]);
  return { usage, bill: billOf(told?.cost_usd, spent, prices), ...(windows && { windows }) };
}

function withoutCost(
  { record, state }: Pick<Parameters<typeof spendingOf>[1], 'record' | 'state'>,
  told?: RunState['usage'],
) {
  if (!told || told.cost_usd !== undefined) return [];
  const model = state.model ?? record.model;
  return [{ ...(model !== undefined && { model }), tokens: told }] satisfies ModelTokens[];
}

async function inConversation({ files, userHome }: Io, { record, agent, state }: Parameters<typeof spendingOf>[1]) {
  const { config_dir, prepared_at: since } = record;
  const conversation = state.conversation ?? (record.unnamed ? undefined : record.conversation);
  if (!agent.spent || conversation === undefined) return undefined;
  const where = { home: userHome, conversation, since, ...(config_dir !== undefined && { config_dir }) };
  return agent.spent(files, where).catch(() => undefined); // what can't be read is not known
}
