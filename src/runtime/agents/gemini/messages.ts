import { plainText } from '../../model/plain-text.ts';
import type { SessionAgent } from '../agent.ts';
import { type FileReading, sizeOf } from '../record-lines.ts';
import { type Message as Recorded, readRecords } from './records.ts';

type Message = Awaited<ReturnType<SessionAgent['messages']>>[number];

const LONGEST = 8_000;

/** The newest ones, oldest first. */
export async function newestMessages(
  files: FileReading,
  transcript: string,
  { count, bytes }: { readonly count: number; readonly bytes: number },
): Promise<readonly Message[]> {
  const size = (await sizeOf(files, transcript)) ?? 0;
  const { messages } = await readRecords(files, transcript, size, 0);
  let left = bytes;
  const newest = count > 0 ? messages.flatMap(messagesOf).slice(-count) : [];
  const first = newest.findLastIndex(({ text }) => {
    left -= Buffer.byteLength(text);
    return left < 0;
  });
  return newest.slice(first + 1);
}

function messagesOf({ type, content, displayContent, toolCalls = [], timestamp }: Recorded): Message[] {
  const at = Number.isNaN(Date.parse(timestamp)) ? 0 : Date.parse(timestamp);
  const by = type === 'user' ? 'user' : 'agent';
  const said = displayContent?.said || content.said;
  const tools = toolCalls.flatMap(({ name, args, result }) => [
    `${name} ${JSON.stringify(args) ?? ''}`,
    ...(result === undefined ? [] : [JSON.stringify(result) ?? '']),
  ]);
  return [
    ...(content.isResult ? [] : [{ by, text: shown(said), at } as const]), // a result stands with its call as well
    ...tools.map((tool) => ({ by: 'tool', text: shown(tool), at }) as const),
  ].filter(({ text }) => text !== '');
}

function shown(text: string): string {
  const left = text.length - LONGEST;
  const plain = plainText(text.slice(0, LONGEST)).trim();
  return left > 0 ? `${plain} [… ${left} more characters]` : plain;
}
