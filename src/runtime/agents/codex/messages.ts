import { type Message, messageOf, newestOf } from '../messages.ts';
import type { FileReading } from '../record-lines.ts';
import { type RolloutLine, rolloutLine, wordsOf } from './records.ts';

export function newestMessages(
  files: FileReading,
  rollout: string,
  limits: { readonly count: number; readonly bytes: number },
): Promise<readonly Message[]> {
  return newestOf(files, rollout, limits, (line) => {
    const record = rolloutLine(line);
    return record ? messagesIn(record) : [];
  });
}

function messagesIn({ type, payload, timestamp }: RolloutLine): Message[] {
  if (type !== 'event_msg' || payload.type !== 'item_completed') return [];
  const { item } = payload;
  switch (item.type) {
    case 'UserMessage':
      return [messageOf('user', wordsOf(item.content), timestamp)];
    case 'AgentMessage':
      return [messageOf('agent', wordsOf(item.content), timestamp)];
    case 'CommandExecution':
      return [
        messageOf('tool', item.command.join(' '), timestamp),
        ...(item.aggregated_output ? [messageOf('tool', item.aggregated_output, timestamp)] : []),
      ];
  }
}
