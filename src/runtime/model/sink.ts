import { z } from 'zod';
import { Duration } from './duration.ts';
import { EVENT_NAMES } from './told/table.ts';

/** Letters of one case: each has a folder by its name. */
const name = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'a name of small letters, digits, dots, dashes');
const atLeastASecond = Duration.refine((ms) => ms >= 1_000, 'at least 1s');

const common = {
  name: name.describe('its place in the journal is kept under this name'),
  events: z
    .array(z.string().refine(namesSome, 'the name of an event such as task_failed, or task_*'))
    .min(1)
    .default(['*'])
    .describe('names of events, such as task_failed, task_* or *'),
  projects: z.array(z.string().min(1)).min(1).optional().describe('only events of these projects, by name'),
};

/** Told at least once, in order; what it has not taken yet is in the journal. */
export const WebhookSink = z.strictObject({
  ...common,
  kind: z.literal('webhook'),
  url: z.string().superRefine((given, ctx) => {
    const against = againstUrl(given);
    if (against !== undefined) ctx.addIssue({ code: 'custom', message: against });
  }),
  private: z.boolean().default(false).describe('may its host be this machine or of a private network?'),
  key_env: z.string().optional().describe('name of the variable with the key by which it is signed'),
  timeout: atLeastASecond.default(30_000).describe('for one try'),
  backlog: z
    .strictObject({
      events: z.number().int().min(100).max(10_000_000).default(100_000),
      age: atLeastASecond.default(86_400_000).describe('of what it does not take, try after try'),
    })
    .prefault({})
    .describe('how far it may fall behind before it is told of newer events, and of a gap'),
});
export type WebhookSink = z.infer<typeof WebhookSink>;

/** Run without a shell; events come on its input, one JSON object a line. Told at most once. */
export const CommandSink = z.strictObject({
  ...common,
  kind: z.literal('command'),
  command: z.array(z.string().min(1)).min(1),
  timeout: atLeastASecond.default(10_000).describe('for one run; then it is killed'),
  buffer: z.number().int().min(10).max(100_000).default(1_000).describe('events that wait for it; the oldest go first'),
});
export type CommandSink = z.infer<typeof CommandSink>;

export const Sink = z.discriminatedUnion('kind', [WebhookSink, CommandSink]);
export type Sink = z.infer<typeof Sink>;

export const SinkList = z.array(Sink).superRefine((sinks, ctx) => {
  const seen = new Set<string>();
  for (const [at, sink] of sinks.entries()) {
    if (seen.has(sink.name)) ctx.addIssue({ code: 'custom', path: [at, 'name'], message: 'a name of its own' });
    seen.add(sink.name);
    if (sink.kind === 'webhook' && isPlain(sink.url) && !sink.private) {
      const message = 'an https:// address, or private: true for one of this machine or a private network';
      ctx.addIssue({ code: 'custom', path: [at, 'url'], message });
    }
  }
});

/** The letters that a pattern stands for; `*` for any, as often as it stands there: each one more would multiply the ways. */
export function eventPattern(pattern: string): RegExp {
  return new RegExp(`^${pattern.replaceAll(/[^a-z_*]/g, '!').replaceAll(/\*+/g, '[a-z_]*')}$`);
}

/** A misspelt name would be a sink that is never told. */
function namesSome(pattern: string): boolean {
  return EVENT_NAMES.some((name) => eventPattern(pattern).test(name));
}

function isPlain(url: string): boolean {
  return URL.canParse(url) && new URL(url).protocol === 'http:';
}

function againstUrl(given: string): string | undefined {
  if (!URL.canParse(given)) return 'an address such as https://hooks.example.com/yardmaster';
  const { protocol, username, password } = new URL(given);
  if (protocol !== 'https:' && protocol !== 'http:') return 'an https:// address';
  return username === '' && password === '' ? undefined : 'an address without a name or password: use key_env';
}

/** What a sink was not told. */
export interface Gap {
  /** Numbers of the first and the last record. */
  readonly from: number;
  readonly to: number;
  readonly count: number;
  readonly why: string;
}

/** How a sink is. */
export interface SinkView {
  readonly name: string;
  readonly kind: Sink['kind'];
  /** The host, or the program: an address may be secret. */
  readonly to: string;
  /** `held`: by our own configuration. `local_only`: nothing is sent, what waits is kept. */
  readonly state: 'working' | 'failing' | 'held' | 'local_only';
  /** Events since the runtime started. */
  readonly delivered: number;
  /** Events that it is still to be told. */
  readonly waiting: number;
  /** Events that it was not and will not be told; of a webhook since it began, of a command since the runtime started. */
  readonly missed: number;
  readonly last_gap?: Gap;
  readonly trouble?: string;
  readonly next_try?: number;
}
