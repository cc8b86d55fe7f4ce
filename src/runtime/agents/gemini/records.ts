import { z } from 'zod';
import { type FileReading, linesBetween } from '../record-lines.ts';

/*
 * A conversation as Gemini CLI 0.61.0 keeps it: lines of JSON. A message stands in a line of its own, and again when there
 * is more of it; `$set.messages` replaces all of them (after it has made the history shorter, or a turn was taken back),
 * `$rewindTo` forgets one and all after it.
 */

const text = z.string();
const tokens = z.number().nonnegative().catch(0);

const Part = z.object({ text: text.optional().catch(undefined), functionResponse: z.unknown().optional() });
const Parts = z
  .union([text, z.array(Part)])
  .catch([])
  .transform((content) => (typeof content === 'string' ? [{ text: content }] : content))
  .transform((parts) => ({
    said: parts.flatMap((part) => part.text ?? []).join(''),
    isResult: parts.some((part) => 'functionResponse' in part && part.functionResponse !== undefined),
  }));

const Message = z.object({
  id: text,
  timestamp: text.catch(''),
  type: z.enum(['user', 'gemini', 'info', 'error', 'warning']),
  content: Parts,
  displayContent: Parts.optional(),
  model: text.optional().catch(undefined),
  tokens: z.object({ input: tokens, output: tokens, cached: tokens, thoughts: tokens }).nullish().catch(undefined),
  toolCalls: z
    .array(z.object({ name: text, args: z.unknown().optional(), result: z.unknown().optional() }))
    .optional()
    .catch(undefined),
});
export type Message = z.infer<typeof Message>;

const SetAll = z.object({ $set: z.object({ messages: z.array(z.unknown()) }) });
const Rewind = z.object({ $rewindTo: text });

export interface Records {
  /** As they stand now, in their order. */
  readonly messages: readonly Message[];
  /** All that ever were, also those that were taken back; what was there before `from` is `old`. */
  readonly ever: ReadonlyMap<string, { readonly message: Message; readonly old: boolean }>;
}

export async function readRecords(files: FileReading, path: string, size: number, from: number): Promise<Records> {
  const start = Math.min(Math.max(0, from), size);
  const records = new Reading();
  for await (const line of linesBetween(files, path, 0, start)) records.take(line, true);
  for await (const line of linesBetween(files, path, start, size)) records.take(line, false);
  return { messages: [...records.now.values()], ever: records.ever };
}

class Reading {
  now = new Map<string, Message>();
  readonly ever = new Map<string, { message: Message; old: boolean }>();

  take(line: Buffer, old: boolean): void {
    const record = parsed(line);
    const message = Message.safeParse(record).data;
    const all = SetAll.safeParse(record).data?.$set.messages;
    const rewound = Rewind.safeParse(record).data?.$rewindTo;
    if (message) this.#put(message, old);
    else if (all) this.#replace(all, old);
    else if (rewound !== undefined) this.#rewind(rewound);
  }

  #replace(all: readonly unknown[], old: boolean): void {
    this.now = new Map();
    for (const one of all.flatMap((given) => Message.safeParse(given).data ?? [])) this.#put(one, old);
  }

  #put(message: Message, old: boolean): void {
    this.now.set(message.id, message);
    const known = this.ever.get(message.id);
    const { tokens } = known?.message ?? {};
    this.ever.set(message.id, { message: { ...(tokens && { tokens }), ...message }, old: known?.old ?? old });
  }

  #rewind(id: string): void {
    const ids = [...this.now.keys()];
    const first = ids.indexOf(id);
    for (const one of first === -1 ? [] : ids.slice(first)) this.now.delete(one);
  }
}

function parsed(line: Buffer): unknown {
  try {
    return JSON.parse(line.toString('utf8'));
  } catch {
    return undefined; // half written, or damaged
  }
}
