import type { SessionAgent } from '../agent.ts';
import { readScreen } from '../screens/read.ts';
import { GEMINI_SCREENS } from '../screens/table.ts';
import { accept } from './accept.ts';
import { compose } from './compose.ts';
import { readConversation } from './conversation.ts';
import { hear } from './hear.ts';
import { newestMessages } from './messages.ts';
import { tempDir, transcriptFile } from './places.ts';

/**
 * Gemini CLI, as measured on 0.61.0. It has no hook that could answer a confirmation, and says nothing of itself but by
 * its hooks: requests are answered at its terminal, and an Escape is not noticed.
 */
export const geminiAgent: SessionAgent = {
  program: 'gemini',
  names: 'as_told',
  keeps: ['continues', 'permission_mode', 'allowed_tools'],
  reports: true,
  compose,
  hear,
  answer: () => '',
  accept,
  transcript: transcriptFile,
  read: readConversation,
  messages: newestMessages,
  live: async () => undefined,
  others: async () => [],
  liveDir: tempDir,
  screen: (text) => readScreen(GEMINI_SCREENS, text),
};
