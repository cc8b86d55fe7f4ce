import { plainText } from '../model/plain-text.ts';
import type { SessionAgent } from './agent.ts';
import { type FileReading, linesBetween, sizeOf } from './record-lines.ts';

export type Message = Awaited<ReturnType<SessionAgent['messages']>>[number];

const FIRST_LOOK = 262_144;
const FARTHEST_LOOK = 16_777_216;
const LONGEST = 8_000;

/** The newest ones, oldest first. The file is read from its end, in ever larger parts, until there are enough. */
export async function newestOf(
  files: FileReading,
  transcript: string,
  limits: { readonly count: number; readonly bytes: number },
  messagesIn: (line: Buffer) => readonly Message[],
): Promise<readonly Message[]> {
  const size = (await sizeOf(files, transcript)) ?? 0;
  for (let look = FIRST_LOOK; ; look *= 4) {
    const from = Math.max(0, size - look);
    const found: Message[] = [];
    for await (const line of linesBetween(files, transcript, from, size)) found.push(...messagesIn(line));
    if (from === 0 || found.length >= limits.count || look >= FARTHEST_LOOK) return within(found, limits);
  }
}

function within(messages: readonly Message[], { count, bytes }: { count: number; bytes: number }): readonly Message[] {
  let left = bytes;
  const newest = count > 0 ? messages.slice(-count) : [];
  const first = newest.findLastIndex(({ text }) => {
    left -= Buffer.byteLength(text);
    return left < 0;
  });
  return newest.slice(first + 1);
}

/** As it is shown: cut where it is long. */
export function messageOf(by: Message['by'], text: string, at: number): Message {
  const shown = plainText(text.slice(0, LONGEST)).trim();
  const left = text.length - LONGEST;
  return { by, text: left > 0 ? `${shown} [… ${left} more characters]` : shown, at };
}
