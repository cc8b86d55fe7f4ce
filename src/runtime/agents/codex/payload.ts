import { z } from 'zod';

/*
 * What the hooks of Codex 0.169.0 are told. Only what is used is checked, and strictly; what else is there, or will be, is
 * left alone.
 */

const text = z.string();

export const Common = z.object({
  session_id: text.min(1),
  transcript_path: text.nullish(),
  hook_event_name: text,
  /** Of a subagent: its turns are not those of the conversation. */
  agent_id: text.nullish(),
});

export const SessionEnd = z.object({ reason: text.catch('it ended') });
export const UserPromptSubmit = z.object({ prompt: text, turn_id: text.exactOptional() });
export const ToolUse = z.object({ tool_name: text, tool_input: z.unknown() });
export const PermissionRequest = z.object({ tool_name: text, tool_input: z.unknown() });
export const Stop = z.object({
  last_assistant_message: text.nullish().transform((given) => given ?? ''),
  turn_id: text.exactOptional(),
});

export function payloadOf(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
