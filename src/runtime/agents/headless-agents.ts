import { claudeHeadless } from './claude/headless.ts';
import type { HeadlessAgent } from './headless.ts';

const AGENTS: Readonly<Partial<Record<HeadlessAgent['program'], HeadlessAgent>>> = {
  claude: claudeHeadless,
};

/** Undefined where such an agent works in sessions only. */
export function headlessAgent(program: HeadlessAgent['program']): HeadlessAgent | undefined {
  return AGENTS[program];
}
