import { z } from 'zod';
import { plainLine } from '../runtime/model/plain-text.ts';
import { Allowance, allowanceOf } from './allowance.ts';
import { AT_ONCE, WHOLE } from './claude-code.ts';
import { Counts, countTasks } from './counts.ts';
import { PausedNow, pausedNow } from './holds.ts';
import { Profile, profileOf } from './profile.ts';
import { Sink, sinkOf } from './sinks.ts';
import { defineTool, type ToolContext } from './tool.ts';

const MAX_LISTED = 50;
const MAX_AGENTS = 100;

const Place = z.object({
  id: z.string(),
  status: z.enum(['available', 'busy', 'offline']),
  load: z.number(),
  max: z.number().describe('0 = without limit'),
  detail: z.string().optional(),
  until: z.string().optional(),
  last_heartbeat: z.string().optional().describe('when it was last heard of, or seen at work'),
});

const output = z.object({
  needs: z
    .array(z.object({ what: z.string(), where: z.string(), next: z.string() }))
    .describe('what waits for a person, most urgent first'),
  counts: Counts.describe('tasks by state'),
  agents: z.array(
    Place.extend({
      program: z.string(),
      name: z.string().optional().describe('its title, where it has one'),
      kind: z.enum(['command', 'headless', 'session', 'worker']),
      can: z.array(z.string()).optional(),
    }),
  ),
  sessions: z.record(z.string(), z.number()).optional().describe('sessions by state; list_sessions shows them'),
  profiles: z.array(Profile).optional().describe('accounts of the agents'),
  providers: z.array(Place.extend({ ai: z.array(z.string()).optional(), is_default: z.boolean().optional() })),
  allowance: z
    .array(Allowance)
    .optional()
    .describe('limits, and what was used today, the worst first; exceeded: nothing more begins there until it resets'),
  local_only: z
    .boolean()
    .optional()
    .describe('true: no callback or webhook is sent and nothing is delegated, what is owed waits'),
  callbacks_owed: z.number().optional().describe('ends that their callback_url is still to be told'),
  sinks: z.array(Sink).optional().describe('who else is told what happens'),
  paused: PausedNow.describe('what somebody keeps from beginning; what runs goes on'),
  projects: z.array(z.object({ name: z.string(), path: z.string() })),
  not_shown: z.number().optional(),
  stopping: z
    .object({ until: z.string(), waits_for: z.array(z.string()), kill: z.boolean() })
    .optional()
    .describe(
      'the runtime is being stopped: nothing is started any more; what is enqueued now is kept for the next one',
    ),
  converged: z.boolean().describe('the files say what the journal says, and no drop waits to be looked at'),
  limits: z.record(z.string(), z.union([z.number(), z.boolean()])),
  pruned: z
    .object({ at: z.string(), runs: z.number(), events_files: z.number() })
    .optional()
    .describe('what was last cleared away because it was old; results always stay'),
  version: z.string(),
  home: z.string(),
});
type Output = z.input<typeof output>;

export const fleetStatus = defineTool({
  name: 'fleet_status',
  title: 'Overview of the fleet',
  description: `What needs a person first (what agents ask, with the exact call that answers it), then tasks by state, agents, sessions, accounts and providers with their load, what is paused, projects and limits.
Use it at the start of a session, when tasks do not move, or when asked how things are. For single tasks use list_tasks and job_status.
{}`,
  input: z.strictObject({}),
  output,
  hints: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  meta: { ...AT_ONCE, ...WHOLE },
  async handle(ctx) {
    const { yard, caller } = ctx;
    const own = caller.principal === 'attempt' ? caller.task.project : undefined;
    return {
      needs:
        own === undefined
          ? yard
              .needs()
              .slice(0, MAX_LISTED)
              .map(({ what, where, next }) => ({ what, where, next }))
          : [], // a person is not its to call
      counts: countTasks(yard, own),
      ...placesOf(ctx),
      ...(own === undefined && accountsOf(ctx)),
      ...(own === undefined && allowanceOf(ctx)),
      ...(own === undefined && outwardOf(ctx)),
      paused: pausedNow(ctx),
      ...projectsOf(ctx, own),
      ...(own === undefined && stoppingOf(ctx)),
      converged: yard.converged(),
      limits: { ...yard.config.limits, headless_max_running: yard.config.headless.max_running },
      ...(own === undefined && (await prunedOf(ctx))),
      version: yard.version,
      home: yard.home,
    };
  },
});

/** What leaves this machine, or does not. */
function outwardOf({ yard }: ToolContext): Pick<Output, 'local_only' | 'callbacks_owed' | 'sinks'> {
  let callbacks_owed = 0;
  for (const { owed } of yard.store.outbox().values()) if (owed.includes('callback')) callbacks_owed++;
  const sinks = yard.sinks().slice(0, MAX_LISTED).map(sinkOf);
  return {
    ...(yard.config.local_only && { local_only: true }),
    ...(callbacks_owed > 0 && { callbacks_owed }),
    ...(sinks.length > 0 && { sinks }),
  };
}

function stoppingOf({ yard }: ToolContext): Pick<Output, 'stopping'> {
  const state = yard.stopping();
  if (state === undefined) return {};
  const waits_for = state.runs.slice(0, MAX_LISTED).map(({ name }) => name);
  return { stopping: { until: new Date(state.until).toISOString(), waits_for, kill: state.kill } };
}

async function prunedOf({ yard }: ToolContext): Promise<Pick<Output, 'pruned'>> {
  const { last } = await yard.retention();
  return last === undefined ? {} : { pruned: { ...last, at: new Date(last.at).toISOString() } };
}

function lastHeard(at: number | undefined): { last_heartbeat?: string } {
  return at === undefined ? {} : { last_heartbeat: new Date(at).toISOString() };
}

function placesOf({ yard }: ToolContext): Pick<Output, 'agents' | 'providers'> {
  const { agents, providers, default_provider } = yard.fleet();
  const seen = new Map(yard.sessions.list().map(({ name, evidence }) => [name, evidence?.at]));
  return {
    agents: agents
      .filter(({ when_named, load }) => !when_named || load > 0)
      .slice(0, MAX_AGENTS)
      .map(({ id, program, kind, status, load, max, capabilities, detail, until, title, heard_at }) => ({
        ...{ id, program, kind, status, load, max },
        ...(title !== undefined && { name: title }),
        ...lastHeard(seen.get(id) ?? heard_at),
        ...(capabilities.length > 0 && { can: [...capabilities] }),
        ...(detail !== undefined && { detail: plainLine(detail) }),
        ...(until !== undefined && { until: new Date(until).toISOString() }),
      })),
    providers: providers.map(({ id, status, load, max, ai, detail, until, heard_at }) => ({
      ...{ id, status: status === 'available' && load > 0 ? ('busy' as const) : status, load, max },
      ...lastHeard(heard_at),
      ...(detail !== undefined && { detail: plainLine(detail) }),
      ...(until !== undefined && { until: new Date(until).toISOString() }),
      ...(ai.length > 0 && { ai: [...ai] }),
      ...(id === default_provider && { is_default: true }),
    })),
  };
}

/** How many sessions are in which state, and how the accounts are. */
function accountsOf({ yard: { sessions } }: ToolContext): Pick<Output, 'sessions' | 'profiles'> {
  const states = new Map<string, number>();
  for (const { state } of sessions.list()) states.set(state, (states.get(state) ?? 0) + 1);
  const profiles = sessions.profiles().slice(0, MAX_LISTED);
  return {
    ...(states.size > 0 && { sessions: Object.fromEntries(states) }),
    ...(profiles.length > 0 && { profiles: profiles.map(profileOf) }),
  };
}

function projectsOf({ yard }: ToolContext, own: string | undefined): Pick<Output, 'projects' | 'not_shown'> {
  const seen = yard.store.projects().filter(({ id }) => own === undefined || id === own);
  const hidden = seen.length - MAX_LISTED;
  return {
    projects: seen.slice(0, MAX_LISTED).map(({ name, path }) => ({ name, path })),
    ...(hidden > 0 && { not_shown: hidden }),
  };
}
