import { createHash } from 'node:crypto';
import type { ListName } from '../resources/audience.ts';

/** A few characters for each list: where they differ, the lists do. */
export type Lists = Readonly<Record<ListName, string>>;

const NAMES: readonly ListName[] = ['tools', 'resources', 'prompts'];

export function printOf(list: unknown): string {
  return createHash('sha256').update(JSON.stringify(list)).digest('base64url').slice(0, 16);
}

/** Those lists that are not what the client was told; what it was told is not known where another build said it. */
export function differing(told: Readonly<Record<string, unknown>> | undefined, lists: Lists): ListName[] {
  return NAMES.filter((name) => told?.[name] !== lists[name]);
}
