import type { StartOrder } from '../agent.ts';
import type { HeadlessOrder } from '../headless.ts';

/** The program (2.1.329) shows a dialog for an event that it does not know, and is never ready. */
const EVENTS = [
  'SessionStart',
  'SessionEnd',
  'UserPromptSubmit',
  'PreToolUse',
  'PostToolUse',
  'PostToolUseFailure',
  'PermissionRequest',
  'PermissionDenied',
  'Notification',
  'Elicitation',
  'ElicitationResult',
  'SubagentStart',
  'SubagentStop',
  'PreCompact',
  'PostCompact',
  'Stop',
  'StopFailure',
] as const;

const SECONDS = 30; // for a report; a tool may be held for ten of them

type Reporting = Pick<StartOrder, 'run_dir' | 'reporter' | 'wait_seconds'>;
type Wanted = Reporting & Pick<StartOrder, 'permission_mode'>;

/**
 * What the session is started with, beside the person's own settings: the hooks, and nothing that asks or decorates where
 * nobody looks. The classic renderer keeps what was said in the terminal's own scrollback, and on the screen after its end.
 */
export function settingsText(order: Wanted): string {
  const settings = {
    hooks: Object.fromEntries(EVENTS.map((event) => [event, [hookOf(event, order)]])),
    tui: 'default',
    promptSuggestionEnabled: false, // it would stand in the input box like typed text
    spinnerTipsEnabled: false,
    enableAllProjectMcpServers: true, // its folder is trusted, or it would not be started there
    ...(order.permission_mode === 'bypassPermissions' && { skipDangerousModePermissionPrompt: true }),
  };
  return `${JSON.stringify(settings, null, 2)}\n`;
}

/**
 * A run without a terminal has its stream to tell what happens; only its requests come by a hook, since a hook can wait
 * for its answer while nobody holds the run's input.
 */
export function headlessSettings(run_dir: string, asks: HeadlessOrder['asks']): string {
  const settings = {
    ...(asks && { hooks: { PermissionRequest: [hookOf('PermissionRequest', { ...asks, run_dir })] } }),
    enableAllProjectMcpServers: true,
  };
  return `${JSON.stringify(settings, null, 2)}\n`;
}

/** The command is read by a shell: nothing but our own paths and the event's name are in it, quoted. */
function hookOf(event: (typeof EVENTS)[number], { reporter, run_dir, wait_seconds }: Reporting) {
  const command = `exec /bin/sh ${quoted(reporter)} ${quoted(run_dir)} ${event}`;
  const timeout = event === 'PermissionRequest' ? Math.max(SECONDS, Math.ceil(wait_seconds)) : SECONDS;
  return { hooks: [{ type: 'command', command, timeout }] };
}

function quoted(path: string): string {
  return `'${path.replaceAll("'", "'\\''")}'`;
}
