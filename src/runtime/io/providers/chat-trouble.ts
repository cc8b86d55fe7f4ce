import { z } from 'zod';
import type { ErrorClass } from '../../model/spec.ts';

/*
 * What servers say when they will not answer. They share a shape, more or less, but not the words. As of November 2026;
 * whoever meets another wording adds it here, with a test.
 */

export interface Complaint {
  /** HTTP's, or the one that an error within a stream names. */
  readonly status: number | undefined;
  /** What they call it: `code` and `type`, in lower case. */
  readonly names: readonly string[];
  readonly message: string;
}

const NAMES: Readonly<Record<string, ErrorClass>> = {
  context_length_exceeded: 'context_overflow', // OpenAI and many after it
  exceed_context_size_error: 'context_overflow', // llama.cpp
  string_above_max_length: 'context_overflow', // OpenAI
  request_too_large: 'context_overflow', // Anthropic
  tokens_limit_reached: 'context_overflow', // GitHub Models
  insufficient_quota: 'billing', // OpenAI, as a 429
  billing_hard_limit_reached: 'billing', // OpenAI, as a 400
  billing_not_active: 'billing', // OpenAI, as a 429
  insufficient_balance: 'billing',
  billing_error: 'billing', // Anthropic
  invalid_api_key: 'auth',
  authentication_error: 'auth',
  permission_error: 'auth',
  model_not_found: 'invalid',
  model_not_available: 'invalid',
};

const WORDINGS: readonly [RegExp, ErrorClass][] = [
  [/maximum context length/i, 'context_overflow'], // OpenAI, vLLM, OpenRouter, DeepSeek, Mistral
  [/longer than the maximum model length/i, 'context_overflow'], // vLLM: The decoder prompt (length 9) is …
  [/exceeds? (the )?(available |maximum )?context (size|length|window)/i, 'context_overflow'], // llama.cpp, Ollama
  [/context (size|length|window) (has been |was )?exceeded/i, 'context_overflow'], // LM Studio
  [/loaded with context length of only|\bn_keep\b.{0,200}\bn_ctx\b/i, 'context_overflow'], // LM Studio
  [/prompt is too long|maximum prompt length/i, 'context_overflow'], // Anthropic, xAI
  [/input tokens? (count )?.{0,40}exceeds? /i, 'context_overflow'], // OpenAI, Gemini
  [/reduce the length of (the|your) (messages|prompt|input)/i, 'context_overflow'], // OpenAI, Groq
  [/insufficient (account )?(balance|credits?|funds)|credit balance is too low/i, 'billing'], // DeepSeek, OpenRouter, Anthropic
  [/(invalid|incorrect) api key|api key not valid/i, 'auth'], // OpenAI, Gemini (as a 400)
  [/\bmodel\b.{0,200}\b(not found|not exist|not available|no longer available)\b/is, 'invalid'],
  [/not a valid model|no such model|unknown model|no models? (is |are )?loaded/i, 'invalid'], // OpenRouter, LM Studio
];

/** Where the words leave no doubt what it is. */
export function knownTrouble({ names, message }: Complaint): ErrorClass | undefined {
  for (const name of names) if (Object.hasOwn(NAMES, name)) return NAMES[name];
  return WORDINGS.find(([wording]) => wording.test(message))?.[1];
}

const name = z
  .union([z.string(), z.number().transform(String)])
  .optional()
  .catch(undefined);
const Told = z.object({ code: name, type: name, status: name, message: z.unknown(), detail: z.unknown() }).partial();

/** Any of the shapes: `{error: {…}}`, `[{error: {…}}]`, `{error: "…"}`, `{message, code}`, `{detail}`, plain words. */
export function complaintOf(answer: unknown, status?: number): Complaint {
  const outer = Array.isArray(answer) ? answer[0] : answer;
  const inner = isObject(outer) && outer.error !== undefined && outer.error !== null ? outer.error : outer;
  if (typeof inner === 'string') return { status, names: [], message: inner };
  const told = Told.safeParse(inner);
  if (!told.success) return { status, names: [], message: '' };
  const { code, type, message, detail } = told.data;
  const names = [code, type, told.data.status].flatMap((given) => (given === undefined ? [] : [given.toLowerCase()]));
  const number = names.map(Number).find((given) => Number.isInteger(given) && given >= 400 && given < 600);
  return { status: status ?? number, names, message: wordsOf(message ?? detail) };
}

/** For a body that may be JSON or not. */
export function complaintIn(body: Buffer, status: number): Complaint {
  const text = body.toString('utf8');
  try {
    const complaint = complaintOf(JSON.parse(text), status);
    return complaint.message === '' ? { ...complaint, message: text } : complaint;
  } catch {
    return { status, names: [], message: text };
  }
}

function wordsOf(given: unknown): string {
  if (typeof given === 'string') return given;
  return given === undefined || given === null ? '' : JSON.stringify(given);
}

function isObject(given: unknown): given is Record<string, unknown> {
  return typeof given === 'object' && given !== null;
}
