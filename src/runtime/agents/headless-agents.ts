import type { CodingAgentName } from '../model/config.ts';
import { claudeHeadless } from './claude/headless.ts';
import { codexHeadless } from './codex/headless.ts';
import { geminiHeadless } from './gemini/headless.ts';
import type { HeadlessAgent } from './headless.ts';

/** The agents that can work without a terminal; the configuration names no other. */
export function headlessAgent(program: CodingAgentName): HeadlessAgent {
  switch (program) {
    case 'claude':
      return claudeHeadless;
    case 'codex':
      return codexHeadless;
    case 'gemini':
      return geminiHeadless;
  }
}
