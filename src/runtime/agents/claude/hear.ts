import type { z } from 'zod';
import { answerText, plainLine, plainText } from '../../model/plain-text.ts';
import type { AgentQuestion } from '../../model/session.ts';
import type { Heard, HeardReport, Report } from '../agent.ts';
import { failureOf } from './failures.ts';
import * as Told from './payload.ts';

/** Characters; what is longer is cut, so that no report can fill the memory. */
const MOST = { line: 300, notice: 1_000, prompt: 200_000, message: 1_000_000, questions: 20, options: 50 };

/** Undefined for what is no report of a hook. An event that is not known is a sign of life. */
export function hear(report: Report): HeardReport | undefined {
  const payload = Told.payloadOf(report.text);
  const common = Told.Common.safeParse(payload).data;
  if (common === undefined) return undefined;
  return {
    report: report.name,
    at: report.at,
    conversation: common.session_id,
    ...(common.transcript_path !== undefined && { transcript: common.transcript_path }),
    heard: heardOf(common.hook_event_name, payload, report.at),
  };
}

type Meaning = (payload: unknown, event: string, at: number) => Heard;

const MEANINGS: ReadonlyMap<string, Meaning> = new Map([
  told('SessionStart', Told.SessionStart, ({ source }) =>
    source === 'compact' ? other('SessionStart compact') : { kind: 'ready' },
  ),
  told('SessionEnd', Told.SessionEnd, ({ reason }) => ({ kind: 'left', reason: line(reason) })),
  told('UserPromptSubmit', Told.UserPromptSubmit, ({ prompt, prompt_id }) => ({
    kind: 'prompt',
    prompt: plainText(prompt.slice(0, MOST.prompt)),
    ...(prompt_id !== undefined && { prompt_id }),
  })),
  told('PreToolUse', Told.ToolUse, ({ tool_name }) => ({ kind: 'tool_begins', tool: line(tool_name) })),
  told('PostToolUse', Told.ToolUse, toolEnded),
  told('PostToolUseFailure', Told.ToolUse, toolEnded),
  told('PermissionRequest', Told.PermissionRequest, ({ tool_name, tool_input }) => asks(tool_name, tool_input)),
  // Its `permission_prompt` follows a PermissionRequest by six seconds and says less.
  told('Notification', Told.Notification, ({ notification_type }) => other(`Notification ${line(notification_type)}`)),
  told('Elicitation', Told.Elicitation, ({ mcp_server_name, message }) => ({
    kind: 'dialog',
    what: `the MCP server ${line(mcp_server_name)} asks: ${plainLine(message.slice(0, MOST.notice))}`,
  })),
  told('Stop', Told.Stop, ({ last_assistant_message, background_tasks, prompt_id }) => ({
    kind: 'turn_ended',
    message: answerText(last_assistant_message.slice(0, MOST.message)),
    background: background_tasks.length,
    ...(prompt_id !== undefined && { prompt_id }),
  })),
  told('StopFailure', Told.StopFailure, ({ error, last_assistant_message, error_details }, at) => ({
    kind: 'turn_failed',
    failure: failureOf({
      error,
      text: last_assistant_message.slice(0, MOST.notice),
      details: error_details.slice(0, MOST.notice),
      at,
    }),
  })),
]);

function told<T>(event: string, schema: z.ZodType<T>, meaning: (told: T, at: number) => Heard): [string, Meaning] {
  return [
    event,
    (payload, event, at) => {
      const found = schema.safeParse(payload);
      return found.success ? meaning(found.data, at) : other(`${event} of an unknown form`);
    },
  ];
}

function heardOf(event: string, payload: unknown, at: number): Heard {
  return MEANINGS.get(event)?.(payload, event, at) ?? other(line(event));
}

function toolEnded({ tool_name, tool_input }: { tool_name: string; tool_input?: unknown }): Heard {
  return { kind: 'tool_ended', tool: line(tool_name), ...(tool_input !== undefined && { input: tool_input }) };
}

function asks(tool: string, input: unknown): Heard {
  const questions = tool === 'AskUserQuestion' ? questionsIn(input) : undefined;
  return { kind: 'asks', tool: line(tool), input, ...(questions !== undefined && { questions }) };
}

function questionsIn(input: unknown): readonly AgentQuestion[] | undefined {
  return Told.Questions.safeParse(input)
    .data?.questions.slice(0, MOST.questions)
    .map(({ question, options, multiSelect }) => ({
      question: questionText(question),
      options: options.slice(0, MOST.options).map(({ label, description }) => ({
        label: line(label),
        ...(description !== undefined && { description: plainText(description.slice(0, MOST.notice)) }),
      })),
      multiple: multiSelect,
    }));
}

/** As everybody is shown it; an answer names its question by this. */
export function questionText(question: string): string {
  return plainText(question.slice(0, MOST.notice));
}

function line(text: string): string {
  return plainLine(text.slice(0, MOST.line));
}

function other(what: string): Heard {
  return { kind: 'other', what };
}
