import type { z } from 'zod';
import { answerText, plainLine, plainText } from '../../model/plain-text.ts';
import type { Answer, Heard, HeardReport, Report } from '../agent.ts';
import * as Told from './payload.ts';

/** Characters; what is longer is cut, so that no report can fill the memory. */
const MOST = { line: 300, prompt: 200_000, message: 1_000_000 };

/** Undefined for what is no report of a hook. An event that is not known is a sign of life. */
export function hear(report: Report): HeardReport | undefined {
  const payload = Told.payloadOf(report.text);
  const common = Told.Common.safeParse(payload).data;
  if (common === undefined) return undefined;
  return {
    report: report.name,
    at: report.at,
    conversation: common.session_id,
    ...(typeof common.transcript_path === 'string' && { transcript: common.transcript_path }),
    heard: heardOf(common, payload),
  };
}

function heardOf({ hook_event_name, agent_id }: z.infer<typeof Told.Common>, payload: unknown): Heard {
  const isSubagents = typeof agent_id === 'string' && !OF_ANYBODY.has(hook_event_name);
  const heard = isSubagents ? undefined : MEANINGS.get(hook_event_name)?.(payload);
  return heard ?? { kind: 'other', what: line(hook_event_name) };
}

/** A request waits for its answer, whoever asks. */
const OF_ANYBODY: ReadonlySet<string> = new Set(['PermissionRequest', 'PreToolUse', 'PostToolUse']);

const MEANINGS: ReadonlyMap<string, (payload: unknown) => Heard | undefined> = new Map([
  ['SessionStart', () => ({ kind: 'ready' })],
  told('SessionEnd', Told.SessionEnd, ({ reason }) => ({ kind: 'left', reason: line(reason) })),
  told('UserPromptSubmit', Told.UserPromptSubmit, ({ prompt, turn_id }) => ({
    kind: 'prompt',
    prompt: plainText(prompt.slice(0, MOST.prompt)),
    ...(turn_id !== undefined && { prompt_id: turn_id }),
  })),
  told('PreToolUse', Told.ToolUse, ({ tool_name }) => ({ kind: 'tool_begins', tool: line(tool_name) })),
  told('PostToolUse', Told.ToolUse, ({ tool_name, tool_input: input }) => ({
    kind: 'tool_ended',
    tool: line(tool_name),
    ...(input !== undefined && { input }),
  })),
  told('PermissionRequest', Told.PermissionRequest, ({ tool_name, tool_input: input }) => ({
    kind: 'asks',
    tool: line(tool_name),
    input,
  })),
  ['Interrupt', () => ({ kind: 'interrupted' })],
  told('Stop', Told.Stop, ({ last_assistant_message, turn_id }) => ({
    kind: 'turn_ended',
    message: answerText(last_assistant_message.slice(0, MOST.message)),
    background: 0,
    ...(turn_id !== undefined && { prompt_id: turn_id }),
  })),
]);

function told<T>(
  event: string,
  schema: z.ZodType<T>,
  meaning: (told: T) => Heard,
): [string, (payload: unknown) => Heard | undefined] {
  return [
    event,
    (payload) => {
      const found = schema.safeParse(payload);
      return found.success ? meaning(found.data) : { kind: 'other', what: `${event} of an unknown form` };
    },
  ];
}

function line(text: string): string {
  return plainLine(text.slice(0, MOST.line));
}

/** What the hook of a PermissionRequest prints. It has no questions that could be answered. */
export function hookAnswer(report: Report, answer: Answer): string {
  if (Told.PermissionRequest.safeParse(Told.payloadOf(report.text)).data === undefined || 'answers' in answer)
    return '';
  const decision =
    answer.decision === 'allow' ? { behavior: 'allow' } : { behavior: 'deny', message: answer.reason || 'Denied.' }; // it counts a decision with more in it as a denial
  return JSON.stringify({ hookSpecificOutput: { hookEventName: 'PermissionRequest', decision } });
}
