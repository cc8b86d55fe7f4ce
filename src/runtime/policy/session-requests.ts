import type { AgentQuestion } from '../model/session.ts';

/** What an agent asks, as its report has told it. */
export interface OpenRequest {
  /** The name of its report. */
  readonly report: string;
  readonly kind: 'permission' | 'question';
  readonly tool: string;
  readonly input: unknown;
  readonly questions?: readonly AgentQuestion[];
  readonly asked_at: number;
}

type Asked = { readonly tool: string; readonly input: unknown; readonly questions?: readonly AgentQuestion[] };

export function openRequest(
  open: readonly OpenRequest[],
  report: string,
  asked_at: number,
  { tool, input, questions }: Asked,
): readonly OpenRequest[] {
  if (open.some((other) => other.report === report)) return open;
  const kind = questions === undefined ? 'permission' : 'question';
  return [...open, { report, kind, tool, input, asked_at, ...(questions && { questions }) }];
}

/** A tool that has ended had its answer: of several uses the one with the same input, else the oldest. */
export function closeRequests(
  open: readonly OpenRequest[],
  ended: { readonly tool: string; readonly input?: unknown },
): readonly OpenRequest[] {
  const uses = open.filter(({ tool }) => tool === ended.tool);
  const answered = uses.find((use) => isOf(use, ended.input));
  return answered ? open.filter((other) => other !== answered) : open;
}

/** The answers to a question are added to its input, so that it can't be compared. */
function isOf({ kind, input }: OpenRequest, ended: unknown): boolean {
  return ended === undefined || kind === 'question' || JSON.stringify(input) === JSON.stringify(ended);
}
