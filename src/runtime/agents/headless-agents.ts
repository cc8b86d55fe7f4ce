import type { CodingAgentName } from '../model/config.ts';
import type { HeadlessAgent } from './headless.ts';

/** The agents that can work without a terminal; the configuration names no other. */
export function headlessAgent(program: CodingAgentName): HeadlessAgent {
  throw new Error(`${program} is not there yet`);
}
