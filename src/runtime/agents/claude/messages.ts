import { type Message, messageOf, newestOf } from '../messages.ts';
import type { FileReading } from '../record-lines.ts';
import { type Block, type ConversationRecord, recordOf } from './records.ts';

export function newestMessages(
  files: FileReading,
  transcript: string,
  limits: { readonly count: number; readonly bytes: number },
): Promise<readonly Message[]> {
  return newestOf(files, transcript, limits, (line) => {
    const record = recordOf(line);
    return record ? messagesOf(record) : [];
  });
}

function messagesOf(record: ConversationRecord): Message[] {
  switch (record.type) {
    case 'assistant':
      return record.isSidechain ? [] : blocksOf(record.message.content, 'agent', record.timestamp);
    case 'user':
      return record.isSidechain || record.isMeta ? [] : blocksOf(record.message.content, 'user', record.timestamp);
    case 'attachment':
      return [messageOf('user', record.attachment.prompt, at(record.timestamp))];
    case 'queue-operation': // it comes again when it is taken
    case 'cost-state':
      return [];
  }
}

function blocksOf(blocks: readonly Block[], by: 'user' | 'agent', timestamp: string): Message[] {
  return blocks.map((block) => messageOf(...spokenBy(block, by), at(timestamp))).filter(({ text }) => text !== '');
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

function at(timestamp: string): number {
  return Date.parse(timestamp) || 0;
}
