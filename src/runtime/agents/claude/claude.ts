import type { SessionAgent } from '../agent.ts';
import { readScreen } from '../screens/read.ts';
import { CLAUDE_SCREENS } from '../screens/table.ts';
import { accept } from './accept.ts';
import { hookAnswer } from './answer.ts';
import { compose } from './compose.ts';
import { readConversation, readSubagents } from './conversation.ts';
import { hear } from './hear.ts';
import { liveState, otherSessions } from './live.ts';
import { newestMessages } from './messages.ts';
import { sessionsDir, transcriptFile } from './places.ts';

/** Claude Code, as measured on 2.1.329. */
export const claudeAgent: SessionAgent = {
  program: 'claude',
  keeps: ['continues', 'permission_mode', 'allowed_tools'],
  reports: true,
  names: 'as_told',
  compose,
  hear,
  answer: hookAnswer,
  accept,
  transcript: transcriptFile,
  read: readConversation,
  subagents: readSubagents,
  messages: newestMessages,
  live: liveState,
  others: otherSessions,
  liveDir: sessionsDir,
  screen: (text) => readScreen(CLAUDE_SCREENS, text),
};
