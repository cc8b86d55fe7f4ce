import type { CodingAgentName } from '../model/config.ts';
import type { SessionAgent } from './agent.ts';
import { claudeAgent } from './claude/claude.ts';
import { geminiAgent } from './gemini/gemini.ts';

/** The agents that can work in a session; the configuration names no other. */
export function sessionAgent(program: CodingAgentName): SessionAgent {
  const found = [claudeAgent, geminiAgent].find((agent) => agent.program === program);
  if (!found) throw new Error(`${program} can't work in a session yet`);
  return found;
}
