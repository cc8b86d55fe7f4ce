import type { Files } from '../../ports.ts';
import type { LiveState } from '../agent.ts';
import { linesBetween, sizeOf } from '../record-lines.ts';
import { failureOf } from './failures.ts';
import { conversationOf } from './places.ts';
import { rolloutLine } from './records.ts';

const FIRST_LOOK = 65_536;
const FARTHEST_LOOK = 16_777_216;

/**
 * What the newest turn in a rollout has come to. Hooks tell all of it but one thing: that a turn has failed, of which no
 * hook of Codex 0.169.0 tells. Where nothing is known of the file, nothing is known.
 */
export async function liveState(
  files: Files,
  { transcript }: { readonly transcript?: string },
): Promise<LiveState | undefined> {
  const conversation = transcript === undefined ? undefined : conversationOf(transcript);
  if (transcript === undefined || conversation === undefined) return undefined;
  const size = (await sizeOf(files, transcript)) ?? 0;
  for (let look = FIRST_LOOK; size > 0; look *= 8) {
    const from = Math.max(0, size - look);
    const found = await newestTurn(files, transcript, from, size);
    if (found) return { ...found, conversation };
    if (from === 0 || look >= FARTHEST_LOOK) break;
  }
  return undefined;
}

type Turn = Omit<LiveState, 'conversation'>;

async function newestTurn(files: Files, path: string, from: number, to: number): Promise<Turn | undefined> {
  let newest: Turn | undefined;
  for await (const line of linesBetween(files, path, from, to)) {
    const record = rolloutLine(line);
    if (record?.type !== 'event_msg') continue;
    const { payload: event, timestamp: at } = record;
    switch (event.type) {
      case 'task_started':
        newest = { status: 'busy', at };
        break;
      case 'turn_aborted':
        newest = { status: 'idle', at };
        break;
      case 'task_complete':
        newest = { status: 'idle', at, ...(event.error && { failed: failureOf(event.error) }) };
        break;
      case 'item_completed':
        break;
    }
  }
  return newest;
}
