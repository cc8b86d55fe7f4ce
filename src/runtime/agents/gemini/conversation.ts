import { answerText } from '../../model/plain-text.ts';
import type { Conversation } from '../agent.ts';
import { type FileReading, sizeOf } from '../record-lines.ts';
import { Spent } from '../spent.ts';
import { failureOf } from './failures.ts';
import { type Message, type Records, readRecords } from './records.ts';

const LONGEST_ANSWER = 1_000_000;
/** Its own notices of why a model stopped; they stand before the answer. */
const STOPPED: readonly [words: RegExp, stop_reason: string][] = [
  [/Response truncated due to token limits/, 'max_tokens'],
  [/Response stopped (?:due to|for|because)/, 'refusal'],
];

/** Undefined where there is no such file. */
export async function readConversation(
  files: FileReading,
  transcript: string,
  from: number,
): Promise<Conversation | undefined> {
  const size = await sizeOf(files, transcript);
  if (size === undefined) return undefined;
  const records = await readRecords(files, transcript, size, from);
  const turn = lastTurn(records.messages);
  const answer = answerIn(turn);
  const failure = failureIn(turn);
  const context = records.messages.findLast(({ tokens }) => tokens)?.tokens;
  const prompts = promptsIn(records);
  const spent = spentIn(records);
  return {
    ...(answer && { answer }),
    ...(failure && { failure }),
    ...(context && { context_tokens: context.input + context.output + context.thoughts }),
    usage: spent.sum,
    spent: spent.all,
    holds: (text) => prompts.some((prompt) => prompt.includes(text)),
  };
}

/** What came after the last thing that a person, or we, have said. */
function lastTurn(messages: readonly Message[]): readonly Message[] {
  const prompt = messages.findLastIndex(({ type, content }) => type === 'user' && !content.isResult);
  return messages.slice(prompt + 1);
}

function answerIn(turn: readonly Message[]): Conversation['answer'] {
  const at = turn.findLastIndex(({ type, content }) => type === 'gemini' && content.said !== '');
  const found = turn[at];
  if (!found) return undefined;
  const before = turn.slice(0, at);
  const since = before.slice(before.findLastIndex(({ type }) => type === 'gemini') + 1);
  const notices = [...since, ...turn.slice(at + 1)].filter(({ type }) => type === 'info');
  const stopped = STOPPED.find(([words]) => notices.some(({ content }) => words.test(content.said)));
  return {
    text: answerText(found.content.said.slice(0, LONGEST_ANSWER)),
    ...(stopped && { stop_reason: stopped[1] }),
    ...(found.model !== undefined && { model: found.model }),
  };
}

/** An error after which no more was said: the program tells the end of such a turn like any other. */
function failureIn(turn: readonly Message[]): Conversation['failure'] {
  const error = turn.findLastIndex(({ type }) => type === 'error');
  const said = turn.findLastIndex(({ type, content }) => type === 'gemini' && content.said !== '');
  return error > said ? failureOf(turn[error]?.content.said ?? '') : undefined;
}

/** A prompt stays one when its turn was taken back. */
function promptsIn({ ever }: Records): readonly string[] {
  return [...ever.values()].flatMap(({ message: { type, content, displayContent } }) =>
    type === 'user' && !content.isResult ? [content.said, displayContent?.said ?? ''] : [],
  );
}

/** What it read from its cache is in `input`, what it thought is not in `output`. It knows no costs. */
function spentIn({ ever }: Records): Spent {
  const spent = new Spent();
  for (const { message, old } of ever.values()) {
    if (old || !message.tokens) continue;
    const { input, output, cached, thoughts } = message.tokens;
    spent.add(message.model, {
      input_tokens: Math.max(0, input - cached),
      output_tokens: output + thoughts,
      cache_read_tokens: cached,
      cache_write_tokens: 0,
    });
  }
  return spent;
}
