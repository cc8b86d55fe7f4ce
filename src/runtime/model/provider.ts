import { z } from 'zod';
import { Duration } from './duration.ts';

/* How remote AI services are reached, as the configuration says it. */

const path = z.string().regex(/^\/[^\s#]*$/, 'a path that begins with /, without # or spaces');
/** A key of an answer; dots lead into objects. */
const field = z.string().regex(/^[A-Za-z0-9_$-]+(\.[A-Za-z0-9_$-]+)*$/, 'a key, or keys joined by dots');
const word = z.string().min(1).max(100);

/** What a model costs, where the service does not say it: for a million tokens. */
export const Prices = z.strictObject({
  currency: z.string().regex(/^[A-Z]{3}$/, 'three capital letters, such as USD'),
  models: z.record(
    word,
    z.strictObject({
      input: z.number().nonnegative(),
      output: z.number().nonnegative(),
      cached_input: z.number().nonnegative().optional().describe('default: as input'),
      cache_write: z.number().nonnegative().optional().describe('default: as input'),
    }),
  ),
});
export type Prices = z.infer<typeof Prices>;

const common = {
  key_env: z.string().optional().describe('name of the environment variable that holds the API key'),
  key_file: z.string().optional(),
  ai: z.array(z.string()).default([]).describe('the AIs it serves; preferred_ai may name one'),
  max: z.number().int().min(0).default(0).describe('jobs at once; 0 = without limit'),
  ttl: Duration.refine((ms) => ms >= 1_000, 'at least 1s')
    .optional()
    .describe('how long a job may take, where its task does not say; default: 6h for jobs, 15m for a chat'),
  prices: Prices.optional(),
};

/** The words of the job contract for where a job stands. */
export const JobState = z.enum(['queued', 'processing', 'completed', 'failed', 'cancelled']);
export type JobState = z.infer<typeof JobState>;

/** A service that speaks the HTTP job contract (docs/jobs.openapi.yaml), or nearly. */
export const JobsProvider = z.strictObject({
  kind: z.literal('jobs'),
  base_url: z.url(),
  ...common,
  idempotent_submit: z
    .boolean()
    .default(false)
    .describe('a second submit with one Idempotency-Key makes no second job'),
  timeout: Duration.default(30_000).describe('for one request'),
  paths: z
    .strictObject({
      submit: path.default('/api/v1/jobs'),
      status: path.default('/api/v1/jobs/{id}'),
      result: path.default('/api/v1/jobs/{id}/result'),
      find: path.optional().describe('GET with {key}: looks a job up by its idempotency key'),
      cancel: path.optional().describe('POST with {id}'),
    })
    .prefault({}),
  fields: z
    .strictObject({
      job_id: field.default('job_id'),
      status: field.default('status'),
      error: field.default('error'),
      response: field.default('response'),
      provider: field.default('provider'),
      model: field.default('model'),
      cost: field.default('cost_cad'),
      tokens: field.default('tokens'),
      input_tokens: field.optional(),
      output_tokens: field.optional(),
    })
    .prefault({}),
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/)
    .default('CAD')
    .describe('of the cost that it answers'),
  states: z.record(word, JobState).default({}).describe('its own words for where a job stands'),
});
export type JobsProvider = z.infer<typeof JobsProvider>;

/** Any server that speaks OpenAI's chat completions: Ollama, vLLM, hosted ones. */
export const ChatProvider = z.strictObject({
  kind: z.literal('openai-chat'),
  base_url: z.url().describe('up to and with the version, such as http://127.0.0.1:11434/v1'),
  ...common,
  model: word.describe('the one it is asked for, where the task names none'),
  models: z.record(word, word).default({}).describe('the model for an AI that preferred_ai may name'),
  system: z.string().max(100_000).optional(),
  parameters: z
    .record(z.string(), z.unknown())
    .default({})
    .describe('further keys of every request, such as temperature'),
  stream: z.boolean().default(true).describe('only a stream shows that an answer is still coming'),
  timeout: Duration.default(120_000).describe('until its first words; without a stream, for all of the answer'),
  stall: Duration.default(60_000).describe('a stream without a word for this long is given up'),
});
export type ChatProvider = z.infer<typeof ChatProvider>;

export const ProviderConfig = z.discriminatedUnion('kind', [JobsProvider, ChatProvider]);
export type ProviderConfig = z.infer<typeof ProviderConfig>;

const TTL: Readonly<Record<ProviderConfig['kind'], number>> = { jobs: 6 * 3_600_000, 'openai-chat': 15 * 60_000 };

export function ttlOf({ kind, ttl }: ProviderConfig): number {
  return ttl ?? TTL[kind];
}
