import { join } from 'node:path';
import { answerText } from '../../model/plain-text.ts';
import type { Usage } from '../../model/session.ts';
import type { ModelTokens, Tokens } from '../../model/usage.ts';
import type { Files } from '../../ports.ts';
import type { Conversation } from '../agent.ts';
import { type FileReading, linesBetween, sizeOf } from '../record-lines.ts';
import { Spent as SpentByModel } from '../spent.ts';
import { type AssistantRecord, type Block, type ConversationRecord, recordOf, SYNTHETIC } from './records.ts';

const LONGEST_ANSWER = 1_000_000;
/** Characters of prompts that are remembered, to be asked for. */
const MOST_PROMPTS = 8_000_000;
/** How far before `from` the cost until then is looked for: it is written last, when the program ends. */
const LOOK_BACK = 1_048_576;

/** Undefined where there is no such file. What was written before `from` counts for nothing but the cost until then. */
export async function readConversation(
  files: FileReading,
  transcript: string,
  from: number,
): Promise<Conversation | undefined> {
  const size = await sizeOf(files, transcript);
  if (size === undefined) return undefined;
  const reading = new Reading();
  const start = Math.min(Math.max(0, from), size);
  for await (const line of linesBetween(files, transcript, start, size)) {
    const record = recordOf(line);
    if (record) reading.take(record);
  }
  const before = start === 0 || reading.cost === undefined ? 0 : await costBefore(files, transcript, start);
  return reading.result(before);
}

const MOST_SUBAGENTS = 1_000;

/** Each subagent has a file of its own beside its conversation's. */
export async function readSubagents(
  files: FileReading & Pick<Files, 'list'>,
  transcript: string,
  since: number,
): Promise<readonly ModelTokens[]> {
  const dir = join(transcript.replace(/\.jsonl$/, ''), 'subagents');
  const listed = (await files.list(dir)) ?? [];
  const messages = new Map<string, { readonly usage: Spent; readonly model: string | undefined }>();
  for (const { name, kind } of listed.slice(0, MOST_SUBAGENTS)) {
    if (kind !== 'file' || !name.endsWith('.jsonl')) continue;
    const path = join(dir, name);
    const size = (await sizeOf(files, path)) ?? 0;
    for await (const line of linesBetween(files, path, 0, size)) {
      const record = recordOf(line);
      if (record?.type !== 'assistant' || !(Date.parse(record.timestamp) >= since)) continue;
      const { id, model, usage } = record.message;
      if (usage && model !== SYNTHETIC) messages.set(`${name}/${id}`, { usage, model });
    }
  }
  return byModel(messages.values());
}

async function costBefore(files: FileReading, transcript: string, end: number): Promise<number | undefined> {
  let cost: number | undefined;
  for await (const line of linesBetween(files, transcript, Math.max(0, end - LOOK_BACK), end)) {
    const record = recordOf(line);
    if (record?.type === 'cost-state') cost = record.totalCostUSD;
  }
  return cost ?? (end <= LOOK_BACK ? 0 : undefined);
}

type Spent = NonNullable<AssistantRecord['message']['usage']>;

class Reading {
  cost: number | undefined;
  /** By message: each of its blocks is a record of its own that repeats, or completes, the usage. */
  readonly #spent = new Map<string, { readonly usage: Spent; readonly model: string | undefined }>();
  #last: Spent | undefined;
  #answer: { id: string; text: string; stop_reason?: string; model?: string } | undefined;
  readonly #prompts: string[] = [];
  #remembered = 0;

  take(record: ConversationRecord): void {
    switch (record.type) {
      case 'cost-state':
        this.cost = record.totalCostUSD;
        return;
      case 'queue-operation':
        this.#remember(record.content);
        return;
      case 'attachment':
        this.#remember(record.attachment.prompt);
        return;
      case 'user':
        if (!record.isSidechain && !record.isMeta) this.#remember(textOf(record.message.content));
        return;
      case 'assistant':
        if (!record.isSidechain && record.message.model !== SYNTHETIC) this.#takeAnswer(record.message);
        return;
    }
  }

  #takeAnswer({ id, model, content, stop_reason, usage }: AssistantRecord['message']): void {
    if (usage) {
      this.#spent.set(id, { usage, model });
      this.#last = usage;
    }
    const begun = this.#answer?.id === id ? this.#answer : undefined;
    const texts = [begun?.text ?? '', textOf(content)].filter((text) => text !== '');
    const why = stop_reason ?? begun?.stop_reason;
    this.#answer = {
      id,
      text: texts.join('\n').slice(0, LONGEST_ANSWER),
      ...(why !== undefined && { stop_reason: why }),
      ...(model !== undefined && { model }),
    };
  }

  #remember(prompt: string): void {
    if (prompt === '' || this.#remembered + prompt.length > MOST_PROMPTS) return;
    this.#remembered += prompt.length;
    this.#prompts.push(evenly(prompt));
  }

  result(costBefore: number | undefined): Conversation {
    const { id: _, text = '', ...answer } = this.#answer ?? { id: '' };
    const cost = this.cost === undefined || costBefore === undefined ? undefined : this.cost - costBefore;
    return {
      ...(this.#answer && { answer: { ...answer, text: answerText(text) } }),
      ...(this.#last && { context_tokens: contextOf(this.#last) }),
      usage: usageOf(
        [...this.#spent.values()].map(({ usage }) => usage),
        cost,
      ),
      spent: byModel(this.#spent.values()),
      holds: (text) => this.#prompts.some((prompt) => prompt.includes(evenly(text))),
    };
  }
}

export function textOf(blocks: readonly Block[]): string {
  return blocks.flatMap((block) => (block.type === 'text' ? [block.text] : [])).join('\n');
}

/** Tabs become spaces and blanks at the end are cut when text is typed. */
function evenly(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

function contextOf(spent: Spent): number {
  return spent.input_tokens + spent.cache_read_input_tokens + spent.cache_creation_input_tokens;
}

function byModel(messages: Iterable<{ readonly usage: Spent; readonly model: string | undefined }>) {
  const spent = new SpentByModel();
  for (const { usage, model } of messages) spent.add(model, tokensOf(usage));
  return spent.all;
}

function tokensOf(usage: Spent): Tokens {
  return {
    input_tokens: usage.input_tokens,
    output_tokens: usage.output_tokens,
    cache_read_tokens: usage.cache_read_input_tokens,
    cache_write_tokens: usage.cache_creation_input_tokens,
  };
}

function usageOf(spent: readonly Spent[], cost: number | undefined): Usage {
  const sum = (key: keyof Spent) => spent.reduce((total, usage) => total + usage[key], 0);
  return {
    input_tokens: sum('input_tokens'),
    output_tokens: sum('output_tokens'),
    cache_read_tokens: sum('cache_read_input_tokens'),
    cache_write_tokens: sum('cache_creation_input_tokens'),
    ...(cost !== undefined && { cost_usd: Math.max(0, cost) }),
  };
}
