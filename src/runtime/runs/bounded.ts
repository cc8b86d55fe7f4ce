import { cleanText, wholeEnd, wholeStart } from './clean.ts';
import { MAX_RESULT_BYTES } from './outcome.ts';

/** The beginning and the end of what is too long. */
export function bounded(message: string, limit = MAX_RESULT_BYTES): { text: string; truncated: boolean } {
  const bytes = Buffer.from(message);
  if (bytes.length <= limit) return { text: cleanText(bytes), truncated: false };
  const half = Math.floor(limit / 2);
  const [head, tail] = [wholeEnd(bytes.subarray(0, half)), wholeStart(bytes.subarray(bytes.length - half))];
  const left = bytes.length - head.length - tail.length;
  const note = `[… ${left} of ${bytes.length} bytes are left out here; all of it is in the conversation …]`;
  return { text: `${cleanText(head)}\n\n${note}\n\n${cleanText(tail)}`, truncated: true };
}
