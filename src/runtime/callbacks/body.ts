import type { Outgoing } from '../model/outgoing.ts';
import { type Ended, reportOf } from '../reports/report.ts';

const MAX_RESULT = 64 * 1024; // bytes; the whole is in the file that the report names

/** The report, with what a receiver tells repetitions by (`id` and `attempt`) and the beginning of the result. */
export function callbackBody(ended: Ended, outgoing: Pick<Outgoing, 'dispatch'>): string {
  const { id, attempts } = ended.task;
  return JSON.stringify({ id, attempt: attempts, ...reportOf(ended, outgoing), ...resultOf(ended) });
}

function resultOf({ output }: Ended): { result?: string; truncated?: true } {
  if (output === undefined || output === '') return {};
  const bytes = Buffer.from(output);
  if (bytes.length <= MAX_RESULT) return { result: output };
  let end = MAX_RESULT;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--; // not within a character
  return { result: bytes.subarray(0, end).toString(), truncated: true };
}
