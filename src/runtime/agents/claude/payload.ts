import { z } from 'zod';

/*
 * What the hooks of Claude Code 2.1.329 are told. Only what is used is checked, and strictly; what else is there, or will
 * be, is left alone.
 */

const text = z.string();
const message = text.nullish().transform((given) => given ?? '');

export const Common = z.object({
  session_id: text.min(1),
  transcript_path: text.exactOptional(),
  hook_event_name: text,
});

export const SessionStart = z.object({ source: text });
export const SessionEnd = z.object({ reason: text });
export const UserPromptSubmit = z.object({ prompt: text, prompt_id: text.exactOptional() });
export const ToolUse = z.object({ tool_name: text, tool_input: z.unknown() });
export const PermissionRequest = z.object({ tool_name: text, tool_input: z.unknown() });
export const Notification = z.object({ notification_type: text });
export const Elicitation = z.object({ mcp_server_name: text, message });
export const Stop = z.object({
  last_assistant_message: message,
  background_tasks: z.array(z.unknown()).default([]),
  prompt_id: text.exactOptional(),
});
/** Whatever else is wrong with it, the turn has failed. */
export const StopFailure = z.object({
  error: text.catch('unknown'),
  last_assistant_message: message.catch(''),
  error_details: text.catch(''),
});

const Option = z.object({ label: text, description: text.exactOptional() });
/** The input of AskUserQuestion. */
export const Questions = z.object({
  questions: z.array(z.object({ question: text, options: z.array(Option), multiSelect: z.boolean().default(false) })),
});

export function payloadOf(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
