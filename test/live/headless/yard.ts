import type { Ways } from '../sealed.ts';
import { LiveYard } from '../yard.ts';

/** Somebody's yard without a terminal: the real Claude Code runs headless, in a network with nothing but its model. */
export function openHeadless(claude: string, ways: Ways = {}): Promise<LiveYard> {
  return LiveYard.open(claude, ({ network }) => ({
    ...ways,
    agent: { program: [...network.enter, claude], ...ways.agent },
    settings: { pool: {}, ...ways.settings },
  }));
}

export const HEADLESS = { mode: 'headless' } as const;
