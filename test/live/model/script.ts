/** What a real agent sent to the service that it takes for its model. */
export interface Asked {
  readonly tools: readonly OfferedTool[];
  /** The system's and the user's words; not what tools answered. */
  readonly words: string;
  /** What tools answered so far, as the model reads it. */
  readonly answers: readonly Answer[];
}

export interface OfferedTool {
  readonly name: string;
  readonly description: string;
  readonly schema: unknown;
}

export interface Answer {
  readonly text: string;
  readonly isError: boolean;
}

/** What the "model" says next: one tool call, or its last words. */
export type Reply =
  | { readonly say: string }
  | { readonly call: string; readonly with: Readonly<Record<string, unknown>>; readonly space?: string };

/** One turn. It may take its time, and do something to the world before it answers. */
export type Step = (asked: Asked) => Reply | Promise<Reply>;

/** One provider's way of asking and answering. */
export interface Dialect {
  /** Undefined: a request that is no turn of the conversation (a title, a probe); it gets some text. */
  asked(body: Json): Asked | undefined;
  /** The bytes of an answer's stream. */
  stream(reply: Reply, number: number): string;
}

export type Json = Readonly<Record<string, unknown>>;

export function list(value: unknown): readonly Json[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'object' && one !== null) : [];
}

/** The text of a content that is a string or a list of parts. */
export function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  return list(content)
    .map(({ text }) => (typeof text === 'string' ? text : ''))
    .join('\n');
}

/** Server-sent events, each named by its type. */
export function events(all: readonly Json[]): string {
  return all.map((one) => `event: ${one.type}\ndata: ${JSON.stringify(one)}\n\n`).join('');
}

/** The newest answer that is no refusal, read back. Clients put words of their own around its structure. */
export function newest<T>({ answers }: Asked): T {
  const last = answers.findLast(({ isError }) => !isError);
  if (!last?.text.includes('{')) throw new Error(`no tool has answered with structure: ${JSON.stringify(answers)}`);
  const { text } = last;
  return JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1)) as T;
}
