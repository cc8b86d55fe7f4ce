import { expect, test } from 'vitest';
import { isRefusal } from '../../../src/runtime/model/refusal.ts';
import { fittingAnswer, type GivenAnswer, toldAnswer } from '../../../src/runtime/policy/answers.ts';

const options = [{ label: 'Postgres' }, { label: 'SQLite', description: 'one file' }];
const question = {
  id: 'req-1',
  kind: 'question',
  tool: 'AskUserQuestion',
  questions: [
    { question: 'Which db?', options, multiple: false },
    { question: 'Which  features?', options: [{ label: 'auth' }, { label: 'search, full text' }], multiple: true },
  ],
} as const;
const permission = { id: 'req-2', kind: 'permission', tool: 'Bash' } as const;

function refusalOf(asked: typeof question | typeof permission, given: GivenAnswer): string {
  const answer = fittingAnswer(asked, given);
  return isRefusal(answer) ? `${answer.message} → ${answer.hint}` : JSON.stringify(answer);
}

test('a permission is allowed, or denied with a reason', () => {
  expect(fittingAnswer(permission, { decision: 'allow' })).toEqual({ decision: 'allow' });
  const denied = fittingAnswer(permission, { decision: 'deny', reason: ' not \u001b[31mhere ' });
  expect(denied).toEqual({ decision: 'deny', reason: 'not here' });
  expect(fittingAnswer(permission, { decision: 'deny' })).toMatchObject({ reason: expect.stringMatching(/owner/) });
  expect(refusalOf(permission, { answers: { x: 'y' } })).toMatch(/has no questions.*allow, or deny/);
});

test('questions get the options that they have, by their labels', () => {
  const answers = { ' which DB? ': 'postgres', 'Which features?': 'auth' };
  const answer = fittingAnswer(question, { answers });
  expect(answer).toEqual({ answers: { 'Which db?': 'Postgres', 'Which  features?': 'auth' } });
  if (!isRefusal(answer)) expect(toldAnswer(answer)).toBe('answered: Postgres; auth');
});

test('where several may be chosen they are given with commas; a label with a comma is still one', () => {
  const with_ = (chosen: string) =>
    fittingAnswer(question, { answers: { 'Which db?': 'SQLite', 'Which features?': chosen } });
  expect(with_('search, full text')).toMatchObject({ answers: { 'Which  features?': 'search, full text' } });
  expect(with_('auth, auth')).toMatchObject({ answers: { 'Which  features?': 'auth' } });
  expect(isRefusal(with_('auth, other things'))).toBe(true);
});

test('words of one’s own are marked as such, so that a slip of the pen is none', () => {
  const features = { 'Which features?': 'auth' };
  const other = fittingAnswer(question, { answers: { 'Which db?': 'Other: MySQL 8', ...features } });
  expect(other).toMatchObject({ answers: { 'Which db?': 'MySQL 8' } });
  expect(refusalOf(question, { answers: { 'Which db?': 'Postgre', ...features } })).toMatch(
    /"Postgre" is no option.*Postgres \| SQLite.*Other: /,
  );
});

test('what is missing, strange, or merely allowed is refused, and what can be said is named', () => {
  expect(refusalOf(question, { decision: 'allow' })).toMatch(
    /leave them unanswered.*"Which db\?" → Postgres \| SQLite/,
  );
  expect(refusalOf(question, { answers: { 'Which db?': 'SQLite' } })).toMatch(/each of its questions.*features/);
  expect(refusalOf(question, { answers: { 'What db?': 'SQLite' } })).toMatch(/does not ask "What db\?".*Which db/);
  expect(fittingAnswer(question, { decision: 'deny', reason: 'later' })).toEqual({ decision: 'deny', reason: 'later' });
});
