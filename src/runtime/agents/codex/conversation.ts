import { answerText } from '../../model/plain-text.ts';
import type { AccountWindow } from '../../model/profile.ts';
import type { Conversation } from '../agent.ts';
import { type FileReading, linesBetween, sizeOf } from '../record-lines.ts';
import { Spent } from '../spent.ts';
import { type RolloutLine, rolloutLine, type TurnEvent, wordsOf } from './records.ts';
import { tokensOf } from './tokens.ts';
import { windowsOf } from './windows.ts';

const LONGEST_ANSWER = 1_000_000;
/** Characters of prompts that are remembered, to be asked for. */
const MOST_PROMPTS = 8_000_000;

/** Undefined where there is no such file. What was written before `from` counts for nothing. */
export async function readConversation(
  files: FileReading,
  rollout: string,
  from: number,
): Promise<Conversation | undefined> {
  const size = await sizeOf(files, rollout);
  if (size === undefined) return undefined;
  const reading = new Reading();
  for await (const line of linesBetween(files, rollout, Math.min(Math.max(0, from), size), size)) {
    const record = rolloutLine(line);
    if (record) reading.take(record);
  }
  return reading.result();
}

class Reading {
  readonly #spent = new Spent();
  #windows: readonly AccountWindow[] = [];
  readonly #prompts: string[] = [];
  #remembered = 0;
  #context: number | undefined;
  #model: string | undefined;
  #answer: string | undefined;

  take(line: RolloutLine): void {
    switch (line.type) {
      case 'turn_context':
        this.#model = line.payload.model;
        return;
      case 'token_usage_record':
        this.#spend(line.payload.usage);
        return;
      case 'event_msg':
        this.#hear(line.payload, line.timestamp);
        return;
    }
  }

  #spend(spent: RolloutUsage): void {
    this.#spent.add(this.#model, tokensOf(spent));
    this.#context = spent.input_tokens + spent.output_tokens;
  }

  #hear(event: TurnEvent, at: number): void {
    if (event.type === 'token_count') this.#windows = windowsOf(event.rate_limits ?? {}, at) ?? this.#windows;
    if (event.type === 'task_complete') this.#answer = event.last_agent_message ?? this.#answer;
    if (event.type !== 'item_completed') return;
    const { item } = event;
    if (item.type === 'AgentMessage') this.#answer = wordsOf(item.content);
    if (item.type === 'UserMessage') this.#remember(wordsOf(item.content));
  }

  #remember(prompt: string): void {
    if (this.#remembered + prompt.length > MOST_PROMPTS) return;
    this.#remembered += prompt.length;
    this.#prompts.push(prompt);
  }

  result(): Conversation {
    const prompts = this.#prompts;
    return {
      ...(this.#answer !== undefined && {
        answer: {
          text: answerText(this.#answer.slice(0, LONGEST_ANSWER)),
          ...(this.#model !== undefined && { model: this.#model }),
        },
      }),
      ...(this.#context !== undefined && { context_tokens: this.#context }),
      usage: this.#spent.sum,
      spent: this.#spent.all,
      ...(this.#windows.length > 0 && { windows: this.#windows }),
      holds: (text) => prompts.some((prompt) => prompt.includes(text)),
    };
  }
}

type RolloutUsage = Extract<RolloutLine, { type: 'token_usage_record' }>['payload']['usage'];
