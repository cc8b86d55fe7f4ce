import { join } from 'node:path';
import { plainLine } from '../model/plain-text.ts';
import type { Files } from '../ports.ts';
import { type IntakeFolder, REASON } from './places.ts';

const MAX_REASON = 65_536;

/** What lies in rejected/ until a person has taken it away. */
export interface RejectedFiles {
  readonly count: number;
  readonly newest?: { readonly name: string; readonly reason: string };
}

export async function rejectedIn(files: Files, { rejected }: IntakeFolder): Promise<RejectedFiles> {
  const names = ((await files.list(rejected)) ?? []).map(({ name }) => name);
  const kept = names.filter((name) => name.endsWith('.json') && !name.endsWith(REASON));
  let newest: { name: string; at: number } | undefined;
  for (const name of kept) {
    const at = (await files.stat(join(rejected, name + REASON)))?.mtimeMs ?? 0;
    if (!newest || at > newest.at) newest = { name, at };
  }
  if (!newest) return { count: 0 };
  return { count: kept.length, newest: { name: newest.name, reason: await reasonOf(files, rejected, newest.name) } };
}

async function reasonOf(files: Files, rejected: string, name: string): Promise<string> {
  try {
    const bytes = await files.read(join(rejected, name + REASON), MAX_REASON);
    const { reason } = JSON.parse(Buffer.from(bytes ?? []).toString()) as { reason?: unknown };
    return typeof reason === 'string' ? plainLine(reason) : 'no reason is noted';
  } catch {
    return 'no reason is noted';
  }
}
