import { plainLine, plainText } from '../model/plain-text.ts';
import { type Refusal, refuse } from '../model/refusal.ts';
import type { AgentQuestion, SessionRequest } from '../model/session.ts';

/* Whether an answer fits what was asked, and how the agent has to be told. Nothing is guessed: what fits nothing is refused. */

export type GivenAnswer =
  | { readonly decision: 'allow' }
  | { readonly decision: 'deny'; readonly reason?: string }
  | { readonly answers: Readonly<Record<string, string>> };

export type FittingAnswer =
  | { readonly decision: 'allow' }
  | { readonly decision: 'deny'; readonly reason: string }
  | { readonly answers: Readonly<Record<string, string>> };

interface Asked {
  readonly id: string;
  readonly kind: SessionRequest['kind'];
  readonly tool: string;
  readonly questions?: readonly AgentQuestion[];
}

const LONGEST = 4_000;
/** Words of one's own, where the agent's interface has the line "Other". */
const OTHER = /^other:\s*/i;

export function fittingAnswer(asked: Asked, given: GivenAnswer): FittingAnswer | Refusal {
  if ('answers' in given) return asked.kind === 'question' ? answersTo(asked, given.answers) : noQuestions(asked);
  if (given.decision === 'deny') return { decision: 'deny', reason: reasonOf(given.reason) };
  return asked.kind === 'question' ? notAllowed(asked) : { decision: 'allow' };
}

/** How it is told in the journal. */
export function toldAnswer(answer: FittingAnswer): string {
  if ('answers' in answer) return `answered: ${plainLine(Object.values(answer.answers).join('; ')).slice(0, 500)}`;
  return answer.decision === 'allow' ? 'allowed' : `denied: ${plainLine(answer.reason).slice(0, 500)}`;
}

function reasonOf(reason: string | undefined): string {
  return (
    plainText(reason ?? '')
      .trim()
      .slice(0, LONGEST) || 'the owner of this task does not want it'
  );
}

function answersTo(asked: Asked, given: Readonly<Record<string, string>>): FittingAnswer | Refusal {
  const questions = asked.questions ?? [];
  const strange = Object.keys(given).find((text) => find(questions, text) === undefined);
  if (strange !== undefined) return unknownQuestion(asked, strange);
  const answers: Record<string, string> = {};
  for (const question of questions) {
    const text = Object.entries(given).find(([key]) => find(questions, key) === question)?.[1];
    if (text === undefined || text.trim() === '') return unanswered(asked, question);
    const chosen = choiceOf(question, text);
    if (chosen === undefined) return wrongChoice(asked, question, text);
    answers[question.question] = chosen;
  }
  return { answers };
}

/** A question is named by its own text; what a screen or a shell did to its spaces is no difference. */
function find(questions: readonly AgentQuestion[], text: string): AgentQuestion | undefined {
  return questions.find(({ question }) => same(question, text));
}

function choiceOf(question: AgentQuestion, text: string): string | undefined {
  const whole = labelOf(question, text);
  if (whole !== undefined) return whole;
  if (OTHER.test(text)) return plainText(text.replace(OTHER, '')).trim().slice(0, LONGEST) || undefined;
  if (question.options.length === 0) return plainText(text).trim().slice(0, LONGEST) || undefined;
  if (!question.multiple) return undefined;
  const labels = text.split(',').map((part) => labelOf(question, part));
  return labels.every((label) => label !== undefined) ? [...new Set(labels)].join(', ') : undefined;
}

function labelOf(question: AgentQuestion, text: string): string | undefined {
  return question.options.find(({ label }) => same(label, text))?.label;
}

function same(one: string, other: string): boolean {
  return plainLine(one).replace(/\s+/g, ' ').toLowerCase() === plainLine(other).replace(/\s+/g, ' ').toLowerCase();
}

// ── refusals ────────────────────────────────────────────────────────────────

function noQuestions({ id, tool }: Asked): Refusal {
  return refuse(
    'invalid',
    `${id} asks for permission to use ${plainLine(tool)}, it has no questions; nothing was answered`,
    'answer with decision allow, or deny with a reason',
  );
}

function notAllowed({ id, questions = [] }: Asked): Refusal {
  return refuse(
    'invalid',
    `${id} has questions: allowing it would leave them unanswered; nothing was answered`,
    `give answers: ${questions.map(shown).join('; ')}`,
  );
}

function unknownQuestion({ id, questions = [] }: Asked, text: string): Refusal {
  return refuse(
    'invalid',
    `${id} does not ask ${JSON.stringify(plainLine(text).slice(0, 200))}; nothing was answered`,
    `its questions are: ${questions.map(shown).join('; ')}`,
  );
}

function unanswered({ id }: Asked, question: AgentQuestion): Refusal {
  return refuse(
    'invalid',
    `${id} needs an answer to each of its questions; nothing was answered`,
    `missing: ${shown(question)}`,
  );
}

function wrongChoice({ id }: Asked, question: AgentQuestion, text: string): Refusal {
  return refuse(
    'invalid',
    `${JSON.stringify(plainLine(text).slice(0, 200))} is no option of a question of ${id}; nothing was answered`,
    `${shown(question)}; for words of your own write "Other: …"`,
  );
}

function shown({ question, options, multiple }: AgentQuestion): string {
  const labels = options.map(({ label }) => plainLine(label)).join(' | ');
  const allowed = labels === '' ? 'any text' : multiple ? `some of ${labels}, with commas between` : labels;
  return `${JSON.stringify(plainLine(question).slice(0, 300))} → ${allowed}`;
}
