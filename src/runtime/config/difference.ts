import { isDeepStrictEqual } from 'node:util';
import { keyOfPath } from './problem.ts';

/** What a running runtime can't change: the next start takes it. */
const AT_START = ['http', 'journal', 'tmux'];

export function needsRestart(key: string): boolean {
  return AT_START.some((section) => key === section || key.startsWith(`${section}.`));
}

/** The keys that differ, as deep as both sides have keys; the names alone, because values may be secret. */
export function differingKeys(before: unknown, after: unknown, path: readonly string[] = []): string[] {
  if (isDeepStrictEqual(before, after)) return [];
  if (!isMap(before) || !isMap(after)) return [keyOfPath(path)];
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return keys.flatMap((key) => differingKeys(before[key], after[key], [...path, key]));
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
