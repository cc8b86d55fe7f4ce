import { plainLine, plainText } from '../../model/plain-text.ts';
import type { AgentQuestion, SessionRequest } from '../../model/session.ts';
import type { AgentRequest } from '../attempts/attempt-ports.ts';

/* A request as everybody else sees it: clean and bounded. */

const LONGEST_INPUT = 4_000;
const LONGEST_VALUE = 1_500;

export function shownRequest(request: AgentRequest): SessionRequest {
  const { id, kind, seat, task, attempt, tool, input, questions, asked_at, expires_at } = request;
  return {
    ...{ id, kind, session: seat, task, attempt, asked_at, expires_at },
    tool: plainLine(tool).slice(0, 200),
    input: shownInput(input),
    ...subjectOf(input),
    ...(questions && { questions: questions.map(cleanQuestion) }),
  };
}

const SUBJECTS = ['command', 'file_path', 'notebook_path', 'path', 'url'] as const;

/** Whole or not at all: a rule that allows a beginning must not allow what follows unseen. */
function subjectOf(input: unknown): Pick<SessionRequest, 'subject'> {
  if (typeof input !== 'object' || input === null) return {};
  const fields = input as Readonly<Record<string, unknown>>;
  const subject = SUBJECTS.map((key) => fields[key]).find((value) => value !== undefined);
  return typeof subject === 'string' && subject.length <= LONGEST_VALUE ? { subject } : {};
}

function shownInput(input: unknown): string {
  if (typeof input !== 'object' || input === null) return bounded(String(input), LONGEST_INPUT);
  const lines = Object.entries(input).map(([key, value]) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    return `${plainLine(key)}: ${bounded(text ?? '', LONGEST_VALUE)}`;
  });
  return bounded(lines.join('\n'), LONGEST_INPUT);
}

function bounded(text: string, longest: number): string {
  const clean = plainText(text);
  return clean.length <= longest ? clean : `${clean.slice(0, longest)}… (${clean.length - longest} characters more)`;
}

function cleanQuestion({ question, options, multiple }: AgentQuestion): AgentQuestion {
  const clean = options.map(({ label, description }) => ({
    label: plainLine(label),
    ...(description !== undefined && { description: bounded(description, LONGEST_VALUE) }),
  }));
  return { question: plainText(question), options: clean, multiple };
}
