import type { CodingAgentName } from '../model/config.ts';
import type { SessionAgent } from './agent.ts';
import { claudeAgent } from './claude/claude.ts';
import { codexAgent } from './codex/codex.ts';
import { geminiAgent } from './gemini/gemini.ts';

/** The agents that can work in a session; the configuration names no other. */
export function sessionAgent(program: CodingAgentName): SessionAgent {
  switch (program) {
    case 'claude':
      return claudeAgent;
    case 'codex':
      return codexAgent;
    case 'gemini':
      return geminiAgent;
  }
}
