import { z } from 'zod';
import { answerText, plainLine, plainText } from '../../model/plain-text.ts';
import type { Heard, HeardReport, Report } from '../agent.ts';

/*
 * What the hooks of Gemini CLI 0.61.0 are told. Only what is used is checked, strictly. A permission is asked for by a
 * Notification: the program waits for that hook, but takes no answer from it, so only a person at the terminal can allow.
 * Nothing is told when a person presses Escape or refuses a tool, and a turn that failed is told like one that is done:
 * the conversation says so (conversation.ts).
 */

/** Characters; what is longer is cut, so that no report can fill the memory. */
const MOST = { line: 300, notice: 1_000, prompt: 200_000, message: 1_000_000 };

const text = z.string();
const Common = z.object({ session_id: text.min(1), transcript_path: text.exactOptional(), hook_event_name: text });
const ToolUse = z.object({ tool_name: text, tool_input: z.unknown() });
const Notification = z.object({
  notification_type: text,
  message: text.catch(''),
  details: z.object({ type: text.catch(''), title: text.catch('') }).catch({ type: '', title: '' }),
});

type Meaning = (payload: unknown) => Heard | undefined;

const MEANINGS: ReadonlyMap<string, Meaning> = new Map([
  told('SessionStart', z.object({ source: text }), () => ({ kind: 'ready' })),
  told('SessionEnd', z.object({ reason: text }), ({ reason }) => ({ kind: 'left', reason: line(reason) })),
  told('BeforeAgent', z.object({ prompt: text }), ({ prompt }) => ({
    kind: 'prompt',
    prompt: plainText(prompt.slice(0, MOST.prompt)),
  })),
  told('AfterAgent', z.object({ prompt_response: text }), ({ prompt_response }) => ({
    kind: 'turn_ended',
    message: answerText(prompt_response.slice(0, MOST.message)),
    background: 0,
  })),
  told('BeforeTool', ToolUse, ({ tool_name }) => ({ kind: 'tool_begins', tool: line(tool_name) })),
  told('AfterTool', ToolUse, ({ tool_name, tool_input }) => ({
    kind: 'tool_ended',
    tool: line(tool_name),
    input: tool_input,
  })),
  told('Notification', Notification, ({ notification_type, message, details }) =>
    notification_type === 'ToolPermission'
      ? { kind: 'dialog', what: asked(details.type, message, details.title) }
      : { kind: 'other', what: `Notification ${line(notification_type)}` },
  ),
]);

/** Undefined for what is no report of a hook. An event that is not known is a sign of life. */
export function hear(report: Report): HeardReport | undefined {
  const payload = payloadOf(report.text);
  const common = Common.safeParse(payload).data;
  if (common === undefined) return undefined;
  const { session_id, transcript_path, hook_event_name: event } = common;
  // A conversation that goes on is named wrongly at its start: by a new file, which stays empty.
  const isNamed = transcript_path !== undefined && event !== 'SessionStart';
  return {
    report: report.name,
    at: report.at,
    conversation: session_id,
    ...(isNamed && { transcript: transcript_path }),
    heard: MEANINGS.get(event)?.(payload) ?? { kind: 'other', what: line(event) },
  };
}

function told<T>(event: string, schema: z.ZodType<T>, meaning: (told: T) => Heard): [string, Meaning] {
  return [
    event,
    (payload) => {
      const found = schema.safeParse(payload);
      return found.success ? meaning(found.data) : undefined;
    },
  ];
}

function asked(type: string, message: string, title: string): string {
  if (type === 'ask_user') return 'it asks a question that can be answered at its terminal only';
  return `it asks for permission, which can be given at its terminal only: ${plainLine((message || title).slice(0, MOST.notice))}`;
}

function line(text: string): string {
  return plainLine(text.slice(0, MOST.line));
}

function payloadOf(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
