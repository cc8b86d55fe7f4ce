import { join } from 'node:path';
import type { AccountWindow } from '../../model/profile.ts';
import type { ModelTokens } from '../../model/usage.ts';
import type { Files } from '../../ports.ts';
import { linesBetween, sizeOf } from '../record-lines.ts';
import { Spent } from '../spent.ts';
import { type Account, conversationOf, sessionsDir } from './places.ts';
import { rolloutLine } from './records.ts';
import { tokensOf } from './tokens.ts';
import { windowsOf } from './windows.ts';

/** Its stream tells of tokens only at the end of a turn; its conversation after each answer of the model. */
export async function spentSince(
  files: Files,
  where: Account & { readonly conversation: string; readonly since: number },
): Promise<{ readonly spent: readonly ModelTokens[]; readonly windows?: readonly AccountWindow[] } | undefined> {
  const rollout = await findRollout(files, where);
  const size = rollout === undefined ? undefined : await sizeOf(files, rollout);
  if (rollout === undefined || size === undefined) return undefined;
  const spent = new Spent();
  let model: string | undefined;
  let windows: readonly AccountWindow[] | undefined;
  for await (const line of linesBetween(files, rollout, 0, size)) {
    const record = rolloutLine(line);
    if (record?.type === 'turn_context') model = record.payload.model;
    if (!record || record.timestamp < where.since) continue;
    if (record.type === 'token_usage_record') spent.add(model, tokensOf(record.payload.usage));
    if (record.type === 'event_msg' && record.payload.type === 'token_count')
      windows = windowsOf(record.payload.rate_limits ?? {}, record.timestamp) ?? windows;
  }
  return { spent: spent.all, ...(windows && { windows }) };
}

const MOST_FOLDERS = 1_000;

/** `sessions/YYYY/MM/DD/rollout-<time>-<conversation>.jsonl`: the newest days first. */
async function findRollout(
  files: Files,
  where: Account & { readonly conversation: string },
): Promise<string | undefined> {
  const open = [sessionsDir(where)];
  for (let looked = 0; looked < MOST_FOLDERS; looked++) {
    const dir = open.pop();
    if (dir === undefined) return undefined;
    const listed = (await files.list(dir)) ?? [];
    const found = listed.find(({ name, kind }) => kind === 'file' && conversationOf(name) === where.conversation);
    if (found) return join(dir, found.name);
    const inside = listed.filter(({ name, kind }) => kind === 'dir' && /^\d+$/.test(name));
    open.push(...inside.map(({ name }) => join(dir, name)).sort());
  }
  return undefined;
}
