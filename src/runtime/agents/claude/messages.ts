import { plainText } from '../../model/plain-text.ts';
import type { SessionAgent } from '../agent.ts';
import { type FileReading, linesBetween, sizeOf } from './record-lines.ts';
import { type Block, type ConversationRecord, recordOf } from './records.ts';

export type Message = Awaited<ReturnType<SessionAgent['messages']>>[number];

const FIRST_LOOK = 262_144;
const FARTHEST_LOOK = 16_777_216;
const LONGEST = 8_000;

/** The newest ones, oldest first. The file is read from its end, in ever larger parts, until there are enough. */
export async function newestMessages(
  files: FileReading,
  transcript: string,
  limits: { readonly count: number; readonly bytes: number },
): Promise<readonly Message[]> {
  const size = (await sizeOf(files, transcript)) ?? 0;
  for (let look = FIRST_LOOK; ; look *= 4) {
    const from = Math.max(0, size - look);
    const found: Message[] = [];
    for await (const line of linesBetween(files, transcript, from, size)) {
      const record = recordOf(line);
      if (record) found.push(...messagesOf(record));
    }
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

function messagesOf(record: ConversationRecord): Message[] {
  switch (record.type) {
    case 'assistant':
      return record.isSidechain ? [] : blocksOf(record.message.content, 'agent', record.timestamp);
    case 'user':
      return record.isSidechain || record.isMeta ? [] : blocksOf(record.message.content, 'user', record.timestamp);
    case 'attachment':
      return [messageOf('user', record.attachment.prompt, record.timestamp)];
    case 'queue-operation': // it comes again when it is taken
    case 'cost-state':
      return [];
  }
}

function blocksOf(blocks: readonly Block[], by: 'user' | 'agent', at: string): Message[] {
  return blocks.map((block) => messageOf(...spokenBy(block, by), at)).filter(({ text }) => text !== '');
}

function spokenBy(block: Block, by: 'user' | 'agent'): [by: Message['by'], text: string] {
  switch (block.type) {
    case 'text':
      return [by, block.text];
    case 'tool_use':
      return ['tool', `${block.name} ${JSON.stringify(block.input) ?? ''}`];
    case 'tool_result':
      return ['tool', resultText(block.content)];
  }
}

function resultText(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content.flatMap((part: unknown) => (isText(part) ? [part.text] : [])).join('\n');
}

function isText(part: unknown): part is { text: string } {
  return typeof part === 'object' && part !== null && 'text' in part && typeof part.text === 'string';
}

function messageOf(by: Message['by'], text: string, timestamp: string): Message {
  const shown = plainText(text.slice(0, LONGEST)).trim();
  const left = text.length - LONGEST;
  const at = Date.parse(timestamp);
  return { by, text: left > 0 ? `${shown} [… ${left} more characters]` : shown, at: Number.isNaN(at) ? 0 : at };
}
