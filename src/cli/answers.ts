import type { AgentQuestion } from '../runtime/model/session.ts';
import type { Cli } from './cli.ts';
import { usage } from './failure.ts';
import { safeLine } from './safe-text.ts';

type Answers = Record<string, string>;

/** `question=answer` for each; where there is one question, the words may be its answer alone. */
export function answersIn(words: readonly string[], questions: readonly AgentQuestion[]): Answers {
  const pairs = words.map((word) => pairIn(word, questions));
  const [only] = questions;
  if (only && questions.length === 1 && pairs.every((pair) => pair === undefined))
    return { [only.question]: optionOr(words.join(' '), only) };
  const strange = words.find((_, at) => pairs[at] === undefined);
  if (strange !== undefined)
    throw usage(
      `"${safeLine(strange)}" answers none of its questions`,
      `They are: ${questions.map(({ question }) => `"${safeLine(question)}"`).join(', ')}. Nothing was answered.`,
    );
  return Object.fromEntries(pairs.filter((pair) => pair !== undefined));
}

/** A question may hold `=` itself, so the longest one that fits counts. */
function pairIn(word: string, questions: readonly AgentQuestion[]): [string, string] | undefined {
  const fitting = questions
    .filter(({ question }) => word.startsWith(`${question}=`))
    .sort((a, b) => b.question.length - a.question.length);
  const [asked] = fitting;
  return asked && [asked.question, optionOr(word.slice(asked.question.length + 1), asked)];
}

/** An option in the agent's own spelling where it is one; else the words as they are. */
function optionOr(text: string, { options }: AgentQuestion): string {
  return options.find(({ label }) => label.toLowerCase() === text.trim().toLowerCase())?.label ?? text;
}

/** One question after the other, at the terminal. */
export async function answersAt(cli: Cli, questions: readonly AgentQuestion[]): Promise<Answers> {
  const answers: Answers = {};
  for (const asked of questions) {
    const answer = await ask(cli, asked);
    if (answer === '') throw usage('an answer is empty', 'Nothing was answered; the agent waits on.');
    answers[asked.question] = answer;
  }
  return answers;
}

async function ask(cli: Cli, asked: AgentQuestion): Promise<string> {
  const { paint } = cli.look();
  const { question, options, multiple } = asked;
  const lines = options.map(({ label, description }, at) => {
    const about = description === undefined ? '' : `  ${paint('dim', safeLine(description))}`;
    return `  ${at + 1}. ${safeLine(label)}${about}\n`;
  });
  cli.say(`${paint('bold', safeLine(question))}\n${lines.join('')}`);
  const how = options.length === 0 ? 'answer' : multiple ? 'numbers, or your own words' : 'number, or your own words';
  const said = ((await cli.around.ask?.(`${how}: `)) ?? '').trim();
  const option = chosen(said, asked) ?? optionOr(said, asked);
  const isOwn = said !== '' && option === said && options.length > 0 && !options.some(({ label }) => label === said);
  return isOwn ? `Other: ${said}` : option;
}

/** `2`, or `1,3` where several may be chosen. */
function chosen(said: string, { options, multiple }: AgentQuestion): string | undefined {
  if (!/^\d+(?:[\s,]+\d+)*$/.test(said)) return undefined;
  const labels = said.split(/[\s,]+/).map((number) => options[Number(number) - 1]?.label);
  const known = labels.filter((label) => label !== undefined);
  if (known.length !== labels.length || (known.length > 1 && !multiple)) return undefined;
  return known.join(', ');
}
