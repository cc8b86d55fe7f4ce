import type { Answer, Report } from '../agent.ts';
import { questionText } from './hear.ts';
import { PermissionRequest, payloadOf, Questions } from './payload.ts';

/** What the hook of a PermissionRequest prints. Nothing, where the answer does not fit what was asked: then a person decides. */
export function hookAnswer(report: Report, answer: Answer): string {
  const told = PermissionRequest.safeParse(payloadOf(report.text)).data;
  if (told === undefined) return '';
  if ('answers' in answer) {
    const updatedInput = answered(told.tool_input, answer.answers);
    return updatedInput === undefined ? '' : decided({ behavior: 'allow', updatedInput });
  }
  return decided(
    answer.decision === 'allow' ? { behavior: 'allow' } : { behavior: 'deny', message: answer.reason || 'Denied.' },
  );
}

/** The input as the agent gave it, with the answers beside the questions. */
function answered(input: unknown, answers: Readonly<Record<string, string>>): object | undefined {
  const asked = Questions.safeParse(input).data?.questions;
  if (asked === undefined) return undefined;
  const given = asked.flatMap(({ question }) => {
    const answer = byOwnKey(answers, question) ?? byOwnKey(answers, questionText(question));
    return answer === undefined ? [] : [[question, answer]];
  });
  return given.length === 0 ? undefined : { ...(input as object), answers: Object.fromEntries(given) };
}

function byOwnKey(answers: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(answers, key) ? answers[key] : undefined;
}

function decided(decision: object): string {
  return JSON.stringify({ hookSpecificOutput: { hookEventName: 'PermissionRequest', decision } });
}
