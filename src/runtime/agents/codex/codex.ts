import type { SessionAgent } from '../agent.ts';
import { readScreen } from '../screens/read.ts';
import { CODEX_SCREENS } from '../screens/table.ts';
import { accept } from './accept.ts';
import { compose } from './compose.ts';
import { readConversation } from './conversation.ts';
import { hear, hookAnswer } from './hear.ts';
import { liveState } from './live.ts';
import { newestMessages } from './messages.ts';
import { rolloutFile, sessionsDir } from './places.ts';

/** Codex, as measured on 0.169.0. */
export const codexAgent: SessionAgent = {
  program: 'codex',
  keeps: ['continues', 'permission_mode'],
  reports: true,
  names: 'itself',
  compose,
  hear,
  answer: hookAnswer,
  accept,
  transcript: rolloutFile,
  read: readConversation,
  messages: newestMessages,
  live: liveState,
  others: async () => [], // it lists none
  liveDir: sessionsDir,
  screen: (text) => readScreen(CODEX_SCREENS, text),
};
