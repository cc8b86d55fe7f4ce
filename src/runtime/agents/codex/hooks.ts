import { createHash } from 'node:crypto';
import type { StartOrder } from '../agent.ts';

/*
 * The hooks of a session, on its command line: they are for this one process, and the person's own configuration and hooks
 * stay as they are. Codex (0.169.0) runs no hook whose text nobody has trusted, and asks about it at the start; so each
 * comes with the sum by which Codex knows it. That trusts these and no other, which its `--dangerously-bypass-hook-trust`
 * would.
 */

/** As the configuration calls them, and as the sums do. */
const EVENTS = {
  SessionStart: 'session_start',
  SessionEnd: 'session_end',
  UserPromptSubmit: 'user_prompt_submit',
  PreToolUse: 'pre_tool_use',
  PostToolUse: 'post_tool_use',
  PermissionRequest: 'permission_request',
  PreCompact: 'pre_compact',
  PostCompact: 'post_compact',
  SubagentStart: 'subagent_start',
  SubagentStop: 'subagent_stop',
  Interrupt: 'interrupt',
  Stop: 'stop',
} as const;
type Event = keyof typeof EVENTS;

const SECONDS = 30; // for a report; a tool may be held for ten of them
/** More is cut to this, and then the sum does not fit any more. */
const SHORT: readonly Event[] = ['SessionEnd', 'Interrupt'];
const SHORT_SECONDS = 3;
/** How Codex names the place of what comes from its command line. */
const PLACE = '/<session-flags>/config.toml';

type Wanted = Pick<StartOrder, 'run_dir' | 'reporter' | 'wait_seconds'>;

/** Each is the value of a `-c`. */
export function hookOverrides(order: Wanted): string[] {
  const hooks = (Object.keys(EVENTS) as Event[]).map((event) => ({ event, ...hookOf(event, order) }));
  const trusted = hooks.map(({ event, ...hook }) => {
    const key = `${PLACE}:${EVENTS[event]}:0:0`;
    return `${toml(key)}={trusted_hash=${toml(sumOf(event, hook))}}`;
  });
  return [
    ...hooks.map(
      ({ event, command, timeout }) =>
        `hooks.${event}=[{hooks=[{type="command",command=${toml(command)},timeout=${timeout}}]}]`,
    ),
    `hooks.state={${trusted.join(',')}}`,
  ];
}

interface Hook {
  readonly command: string;
  readonly timeout: number;
}

/** The command is read by a shell: nothing but our own paths and the event's name are in it, quoted. */
function hookOf(event: Event, { reporter, run_dir, wait_seconds }: Wanted): Hook {
  const command = `exec /bin/sh ${quoted(reporter)} ${quoted(run_dir)} ${event}`;
  if (event === 'PermissionRequest') return { command, timeout: Math.max(SECONDS, Math.ceil(wait_seconds)) };
  return { command, timeout: SHORT.includes(event) ? SHORT_SECONDS : SECONDS };
}

/** Over its text as JSON with sorted keys. */
function sumOf(event: Event, { command, timeout }: Hook): string {
  const hook = { async: false, command, timeout, type: 'command' };
  const text = JSON.stringify({ event_name: EVENTS[event], hooks: [hook] });
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

function quoted(path: string): string {
  return `'${path.replaceAll("'", "'\\''")}'`;
}

/** A basic string of TOML: what JSON escapes, TOML does too. */
export function toml(text: string): string {
  return JSON.stringify(text).replaceAll('\u007f', '\\u007F');
}
