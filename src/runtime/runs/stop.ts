import { join } from 'node:path';
import type { Files } from '../ports.ts';

/** Why a run was stopped by us. It is written before the first signal: whoever sees the end knows the reason. */
export interface Stop {
  /**
   * `denied`: it waited for an answer that nobody gave. `budget`: it has cost more than it may. `stopped`: a person ended it
   * together with the runtime.
   */
  readonly why: (typeof REASONS)[number];
  readonly reason: string;
  /** A run that had ended before that was not stopped. */
  readonly at?: number;
}

const REASONS = ['timeout', 'cancelled', 'denied', 'budget', 'stopped'] as const;

export async function writeStop(files: Files, dir: string, stop: Stop): Promise<void> {
  await files.create(join(dir, 'stopped'), Buffer.from(`${JSON.stringify(stop)}\n`)); // the first reason stands
}

export async function readStop(files: Files, dir: string): Promise<Stop | undefined> {
  const bytes = await files.read(join(dir, 'stopped')).catch(() => undefined);
  if (!bytes) return undefined;
  const { why, reason, at } = parsed(Buffer.from(bytes).toString());
  if (why === undefined || !REASONS.includes(why)) return undefined;
  return { why, reason: reason ?? why, ...(typeof at === 'number' && { at }) };
}

/** One that a power cut has torn says nothing: then what the run left is judged alone, and nothing waits for it. */
function parsed(text: string): Partial<Stop> {
  try {
    return Object(JSON.parse(text)) as Partial<Stop>;
  } catch {
    return {};
  }
}
