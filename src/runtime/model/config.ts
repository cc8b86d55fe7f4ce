import { z } from 'zod';
import { Allowance } from './allowance.ts';
import { Duration } from './duration.ts';
import { Prices, ProviderConfig } from './provider.ts';
import { ProjectRetryClasses, RetryClasses } from './retry.ts';
import { SinkList } from './sink.ts';
import { PermissionMode, Priority } from './spec.ts';

/** How long something is kept: a duration, or `forever`. */
export const Keep = z.union([z.literal('forever'), Duration]);

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'a name of letters, digits, dots, dashes');

/** A program that does tasks: argv template, prompt on stdin or in a file; its exit code and output are the result. */
export const CommandAgent = z.strictObject({
  /** `{prompt_file}`, `{output_file}`, `{task}`, `{project_dir}`, `{model}` are filled in, each inside its own argument. */
  command: z.array(z.string().min(1)).min(1),
  stdin: z.enum(['prompt', 'none']).optional().describe('default: prompt, unless the command names {prompt_file}'),
  capabilities: z.array(z.string()).default([]),
  max: z.number().int().min(0).default(1).describe('runs at once; 0 = without limit'),
  ttl: Duration.optional(),
  env: z.record(z.string(), z.string()).default({}),
  pass_env: z.array(z.string()).default([]).describe('names of variables that the agent gets from the runtime'),
});
export type CommandAgent = z.infer<typeof CommandAgent>;

/** One account of an agent: its own configuration directory, with its own login and limits. */
export const Profile = z.strictObject({
  name,
  config_dir: z.string().describe("the agent's configuration directory for this account, such as ~/.claude-work"),
});
export type Profile = z.infer<typeof Profile>;

/** An agent that Yardmaster knows how to talk to: `claude`, `codex` or `gemini`. */
export const CodingAgent = z.strictObject({
  program: z.array(z.string().min(1)).min(1).optional().describe('how it is started; default: its own name'),
  args: z.array(z.string()).default([]).describe('further arguments, before the ones that Yardmaster gives'),
  capabilities: z.array(z.string()).default([]),
  models: z.partialRecord(Priority, z.string()).optional().describe('instead of models, for this agent'),
  permission_mode: PermissionMode.default('acceptEdits').describe('a task may only narrow it'),
  allowed_tools: z.array(z.string().min(1)).default([]).describe('used without asking; a task may only narrow them'),
  profiles: z.array(Profile).default([]).describe('accounts, in the order in which they are used'),
  prices: Prices.optional().describe('of its models, as it names them: what keeps budget_usd where it tells no cost'),
  max: z.number().int().min(0).default(0).describe('headless runs at once; 0 = only headless.max_running counts'),
  ttl: Duration.optional(),
  env: z.record(z.string(), z.string()).default({}),
  pass_env: z.array(z.string()).default([]).describe('names of variables that the agent gets from the runtime'),
});
export type CodingAgent = z.infer<typeof CodingAgent>;

export const CODING_AGENTS = ['claude', 'codex', 'gemini'] as const;
export type CodingAgentName = (typeof CODING_AGENTS)[number];

const Agents = z
  .object({ claude: CodingAgent.optional(), codex: CodingAgent.optional(), gemini: CodingAgent.optional() })
  .catchall(CommandAgent)
  .superRefine((agents, ctx) => {
    for (const key of Object.keys(agents))
      if (!name.safeParse(key).success)
        ctx.addIssue({ code: 'custom', path: [key], message: 'a name of letters, digits, dots, dashes' });
  });

const session = z
  .string()
  .regex(/^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$/, 'a name that tmux keeps as it is: letters, digits, _ and -');
const ofSessions = z.enum(CODING_AGENTS).default('claude').describe('the agent that works in it');

/** The whole configuration; every key has a default, so that an empty file is a working one. */
export const Config = z.strictObject({
  allowed_roots: z
    .array(z.string())
    .optional()
    .describe('projects must lie inside one of these; default: the home directory'),
  projects: z
    .array(
      z.strictObject({
        name,
        path: z.string(),
        weight: z.number().positive().default(1),
        max_running: z.number().int().min(0).default(0),
        max_open: z.number().int().min(0).default(0).describe('open tasks; more are refused until some have ended'),
        shared_checkout: z.boolean().default(false),
        agent: z.string().optional(),
      }),
    )
    .default([]),
  dispatcher: z
    .strictObject({
      projects_dir: z.string().optional(),
      scan: Duration.default(60_000),
      settle: Duration.default(1_000).describe('a file written in place is taken when it has been quiet for this long'),
      default_agent: z.string().optional(),
      prompt_timeout: Duration.default(30_000).describe('how long an agent may take to confirm its prompt'),
      resume_dir: z
        .string()
        .optional()
        .describe('folder with <session>-resume-id.txt: a conversation to go on with, used once'),
      cooldown: Duration.default(300_000).describe('how long a session rests in which no agent could be started'),
    })
    .prefault({}),
  agents: Agents.default({}),
  pool: z
    .strictObject({
      dedicated: z
        .array(z.strictObject({ name: session, project: z.string(), agent: ofSessions }))
        .default([])
        .describe('sessions for one project each: its path or its configured name'),
      autonomous: z
        .strictObject({
          prefix: session.default('ccl-auto-'),
          start_index: z.number().int().min(0).default(0),
          min: z.number().int().min(0).default(0).describe('kept alive'),
          max: z.number().int().min(0).max(500).default(0).describe('made when there is work for them'),
          agent: ofSessions,
        })
        .prefault({}),
      shared_projects_dir: z.string().optional().describe('as dispatcher.projects_dir, which comes first'),
      shrink_after: Duration.default(600_000).describe('a session beyond min that was idle for this long is closed'),
      linger: Duration.default(600_000).describe('how long an agent that is done stays open in its session'),
    })
    .prefault({}),
  tmux: z
    .strictObject({
      program: z.string().min(1).default('tmux'),
      socket: z
        .string()
        .regex(/^(?:[A-Za-z0-9_-]{1,64}|\/.+)$/, 'a name as for tmux -L, or the path of a socket')
        .optional()
        .describe("a server of its own; default: the person's own"),
    })
    .prefault({}),
  lifecycle: z
    .strictObject({
      interval: Duration.default(15_000).describe('how often sessions are compared with what should be there'),
      stalled_after: Duration.default(900_000).describe('an agent that shows no sign for this long needs a look'),
    })
    .prefault({}),
  blocked_timeout: Duration.default(1_800_000).describe('then a request is denied and its attempt fails'),
  interrupted: z
    .strictObject({
      wait: Duration.default(300_000).describe('how long a person who pressed Escape has for the next word'),
      next: z.enum(['ask', 'end']).default('ask').describe('ask the agent to go on, or end the attempt'),
    })
    .prefault({}),
  orchestrator_may_answer: z
    .union([z.boolean(), z.array(z.string().min(1))])
    .default(false)
    .describe('may a client answer requests without asking a person? true, or for tools such as Bash(git *)'),
  notify_command: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe('run when an agent needs a person, meets a limit or fails; the news come as JSON on its input'),
  models: z.partialRecord(Priority, z.string()).default({ critical: 'opus', default: 'sonnet' }),
  headless: z
    .strictObject({
      max_running: z.number().int().min(0).default(2),
      ttl: Duration.default(3_600_000),
      grace: Duration.default(5_000),
    })
    .prefault({}),
  workers: z
    .strictObject({
      ttl: Duration.refine((ms) => ms >= 1_000, 'at least 1s')
        .default(60_000)
        .describe('a worker that is not heard of for this long is gone, and its tasks go back'),
      max: z.number().int().min(0).default(100).describe('workers that are registered at once'),
    })
    .prefault({})
    .describe('programs of your own that ask for tasks over MCP (mcp --toolset worker)'),
  checks: z
    .record(name, z.array(z.string().min(1)).min(1))
    .default({})
    .describe('commands that a dropped file may name in verify'),
  verify_timeout: Duration.default(600_000).describe('how long a check of the work may take'),
  verify_retries: z
    .number()
    .int()
    .min(0)
    .max(10)
    .default(1)
    .describe('how often work that a check has refused goes back to its agent'),
  max_worktrees: z
    .number()
    .int()
    .min(0)
    .default(20)
    .describe('git worktrees of ours at once, kept ones included; 0 = no limit'),
  intake_dirs: z
    .array(z.string())
    .default([])
    .describe('further folders whose dispatch-*.json become tasks, beside <home>/dispatch'),
  intake_key_env: z
    .string()
    .optional()
    .describe('name of the variable with the key by which dispatch files are signed'),
  callbacks: z
    .strictObject({
      hosts: z
        .array(z.string().regex(/^[^\s/@?#\\]+$/, 'host or host:port, without a scheme or a path'))
        .default([])
        .describe('host or host:port that may be called back; empty = none'),
      private: z.boolean().default(false).describe('may a host be an address of this machine or a private network?'),
      key_env: z.string().optional().describe('name of the variable with the key by which callbacks are signed'),
      timeout: Duration.refine((ms) => ms >= 1_000, 'at least 1s')
        .default(30_000)
        .describe('for one try: connecting, sending and the answer together'),
      give_up: Duration.default(86_400_000).describe('how long a callback is tried'),
    })
    .prefault({}),
  sinks: SinkList.default([]).describe('who else is told what happens: webhooks and commands'),
  local_only: z
    .boolean()
    .default(false)
    .describe(
      'no task leaves this machine: no callback or webhook is sent and nothing is delegated; what is owed waits',
    ),
  shutdown: z
    .strictObject({ wait: Duration.default(60_000).describe('how long a stop waits for runs that are at work') })
    .prefault({}),
  delegation: z
    .strictObject({
      interval: Duration.default(30_000),
      concurrency: z.number().int().min(1).max(256).default(8),
      default_provider: z.string().optional(),
      breaker: z
        .strictObject({
          after: z.number().int().min(1).default(5).describe('failures in a row'),
          pause: Duration.refine((ms) => ms >= 1_000, 'at least 1s')
            .default(60_000)
            .describe('until it is tried again'),
        })
        .prefault({})
        .describe('a provider that fails again and again is left alone for a while'),
      include: z
        .strictObject({
          max_bytes: z.number().int().min(1).default(262_144).describe('of all packed files together'),
          max_files: z.number().int().min(1).default(200),
        })
        .prefault({})
        .describe('what a task may send along by include'),
      providers: z.record(name, ProviderConfig).default({}),
    })
    .prefault({}),
  allowance: Allowance.prefault({}).describe('what may be spent; 0 = without limit, days and hours are UTC'),
  retry: z
    .strictObject({
      max_attempts: z.number().int().min(1).max(20).default(3),
      backoff: Duration.default(5_000),
      backoff_max: Duration.default(600_000),
      classes: RetryClasses.default({}).describe('how each class of failures is tried again, where that differs'),
    })
    .prefault({}),
  order: z
    .strictObject({ age_step: Duration.default(600_000).describe('a waiting task rises one priority per step') })
    .prefault({}),
  limits: z
    .strictObject({
      max_task_bytes: z.number().int().min(1_000).default(1_048_576),
      max_open_tasks: z.number().int().min(1).default(200_000),
      max_depth: z.number().int().min(0).default(2),
      children: z.boolean().default(false).describe('may an attempt enqueue tasks of its own?'),
      min_free_bytes: z
        .number()
        .int()
        .min(0)
        .default(67_108_864)
        .describe('enqueue refuses when the disk of the home has less left; 0 = only when it is full'),
      max_load_per_cpu: z
        .number()
        .min(0)
        .default(0)
        .describe('enqueue refuses above this load average per processor; 0 = no limit'),
      min_free_memory: z
        .number()
        .int()
        .min(0)
        .default(0)
        .describe('enqueue refuses when this machine has fewer bytes of memory left; 0 = no limit'),
    })
    .prefault({}),
  retention: z
    .strictObject({
      runs: Keep.default(2_592_000_000).describe('run directories of finished tasks; done/ and failed/ always stay'),
      events: Keep.default(7_776_000_000).describe('what `events` can still tell; 0 = only what the journal needs'),
      events_bytes: z.number().int().min(0).default(268_435_456).describe('the most that old events may take'),
    })
    .prefault({}),
  journal: z.strictObject({ segment_bytes: z.number().int().min(4_096).default(16_777_216) }).prefault({}),
  prompt: z
    .strictObject({
      closing: z.string().default('Carry out the actions that this task asks for; do not only describe them.'),
      delegated_closing: z.string().default('Give a complete, self-contained answer: you see nothing but this text.'),
    })
    .prefault({}),
  http: z
    .strictObject({
      enabled: z.boolean().default(true),
      host: z.string().min(1).default('127.0.0.1').describe('where it listens; more than loopback needs allow_remote'),
      port: z.number().int().min(0).max(65_535).default(7431).describe('0 = any free one; yardmaster doctor names it'),
      allow_remote: z.boolean().default(false).describe('may host be an address that other machines reach?'),
      hosts: z
        .array(z.string().min(1))
        .default([])
        .describe('further names in the Host header, with their port, such as a proxy has'),
      max_body_bytes: z.number().int().min(1_024).default(8_388_608),
      max_connections: z.number().int().min(8).default(256),
      max_sessions: z.number().int().min(1).default(64).describe('clients of the older MCP revisions at once'),
      session_idle: Duration.default(3_600_000).describe('a session that nobody uses for this long ends'),
    })
    .prefault({}),
  log: z
    .strictObject({
      level: z
        .enum(['debug', 'info', 'warn', 'error', 'silent'])
        .optional()
        .describe('default: info; warn where the log goes to a terminal'),
    })
    .prefault({}),
});
export type Config = z.infer<typeof Config>;

export function isCodingAgent(name: string): name is CodingAgentName {
  return (CODING_AGENTS as readonly string[]).includes(name);
}

/** The agents that are commands of the user's own. */
export function commandAgents({ agents }: Pick<Config, 'agents'>): Readonly<Record<string, CommandAgent>> {
  return Object.fromEntries(Object.entries(agents).filter(([id]) => !isCodingAgent(id))) as Record<
    string,
    CommandAgent
  >;
}

/** One that Yardmaster knows; it needs no entry to be there. */
export function codingAgent({ agents }: Pick<Config, 'agents'>, name: CodingAgentName): CodingAgent {
  return (agents[name] as CodingAgent | undefined) ?? CodingAgent.parse({});
}

const day = 86_400_000;
export const AttemptTime = Duration.refine((ms) => ms >= 60_000 && ms <= day, 'a duration from 60s to 24h');
const retry = Config.shape.retry.unwrap().shape;
const prompt = Config.shape.prompt.unwrap().shape;

/**
 * What `<project>/yardmaster.yaml` may say: how the project's own tasks are run, and nothing that a stranger's checkout
 * could misuse. No commands, agents, providers, roots, permission modes, URLs or hosts.
 */
export const ProjectConfig = z.strictObject({
  max_running: z
    .number()
    .int()
    .min(0)
    .optional()
    .describe("0 = no limit of its own; the smaller of this and the user's counts"),
  shared_checkout: z.boolean().optional(),
  models: z.partialRecord(Priority, z.string()).optional(),
  headless: z.strictObject({ ttl: AttemptTime.optional() }).optional(),
  retry: z
    .strictObject({
      max_attempts: retry.max_attempts.unwrap().optional(),
      backoff: retry.backoff.unwrap().optional(),
      backoff_max: retry.backoff_max.unwrap().optional(),
      classes: ProjectRetryClasses.optional(),
    })
    .optional(),
  prompt: z
    .strictObject({
      closing: prompt.closing.unwrap().optional(),
      delegated_closing: prompt.delegated_closing.unwrap().optional(),
    })
    .optional(),
});
export type ProjectConfig = z.infer<typeof ProjectConfig>;
