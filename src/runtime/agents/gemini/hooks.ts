/*
 * Gemini CLI (0.61.0) has no way to be given hooks for one run: its system files, whose paths an environment may name, are
 * read only where root owns them and every folder above. So the hooks stand in the person's own settings, put there by
 * the person. They do nothing in a run that is not ours: which run it is, and with which reporter, its environment says.
 */

/** The events that are reported, each with the name under which our reporter takes it. */
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

/** What has to stand in `settings.json`, beside whatever else is there. */
export const HOOKS_BLOCK = {
  hooks: Object.fromEntries(
    Object.entries(EVENTS).map(([event, name]) => [
      event,
      [{ hooks: [{ type: 'command', name: 'yardmaster', command: commandOf(name), timeout: MILLISECONDS }] }],
    ]),
  ),
};

function commandOf(name: string): string {
  return `[ -z "$YARDMASTER_REPORTER" ] || exec /bin/sh "$YARDMASTER_REPORTER" "$YARDMASTER_RUN_DIR" ${name}`;
}

/** The events whose hook is not in this text. The file may hold comments, so it is searched, not parsed. */
export function missingHooks(settings: string): readonly string[] {
  return Object.entries(EVENTS)
    .filter(([, name]) => !settings.includes(JSON.stringify(commandOf(name))))
    .map(([event]) => event);
}
