import type { StartOrder } from '../agent.ts';

/** The events of the program (0.61.0), each with the name under which our reporter takes it. */
const EVENTS = {
  SessionStart: 'SessionStart',
  SessionEnd: 'SessionEnd',
  BeforeAgent: 'BeforeAgent',
  AfterAgent: 'AfterAgent',
  BeforeTool: 'PreToolUse', // the reporter holds a tool back under this name
  AfterTool: 'AfterTool',
  Notification: 'Notification',
} as const;

const MILLISECONDS = 30_000; // for a report; a tool may be held for ten seconds of them

/**
 * Defaults for this run, below all that the person has set; hooks of both run side by side. Each one is either ours (the
 * hooks) or what nobody can be asked about: how to authenticate where nothing was ever chosen, and an update in the
 * middle of work. A start also tidies the conversations of its project away, with them the one that another session has
 * just begun and not written a prompt to yet: the person's own starts may tidy, ours do not.
 */
export function settingsText({ reporter, run_dir }: Pick<StartOrder, 'reporter' | 'run_dir'>): string {
  const hooks = Object.entries(EVENTS).map(([event, name]) => {
    const command = `exec /bin/sh ${quoted(reporter)} ${quoted(run_dir)} ${name}`;
    return [event, [{ hooks: [{ type: 'command', name: 'yardmaster', command, timeout: MILLISECONDS }] }]];
  });
  const settings = {
    hooks: Object.fromEntries(hooks),
    hooksConfig: { notifications: false },
    security: { auth: { selectedType: 'gemini-api-key' } },
    general: { sessionRetention: { enabled: false }, enableAutoUpdate: false, enableAutoUpdateNotification: false },
  };
  return `${JSON.stringify(settings, null, 2)}\n`;
}

function quoted(path: string): string {
  return `'${path.replaceAll("'", "'\\''")}'`;
}
