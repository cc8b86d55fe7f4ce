import type { CodingAgentName } from '../model/config.ts';
import type { SessionAgent } from './agent.ts';
import { claudeAgent } from './claude/claude.ts';

/** The agents that can work in a session; the configuration names no other. */
export function sessionAgent(program: CodingAgentName): SessionAgent {
  if (program === claudeAgent.program) return claudeAgent;
  throw new Error(`${program} can't work in a session yet`);
}
