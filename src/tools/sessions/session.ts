import { z } from 'zod';
import { plainLine } from '../../runtime/model/plain-text.ts';
import { isRefusal, type Refusal, refuse } from '../../runtime/model/refusal.ts';
import { BLOCKED_ON, SESSION_STATES, type SessionView } from '../../runtime/model/session.ts';
import type { WorkerView } from '../../runtime/worker-desk.ts';
import type { SlotView } from '../../runtime/yard.ts';
import { refuseProject } from '../rights.ts';
import type { ToolContext } from '../tool.ts';
import { Request, requestOf } from './request.ts';

const MAX_REQUESTS = 5; // of one session; an agent asks one thing at a time, its helpers may ask beside it
const MAX_DETAIL = 400; // characters

export const Session = z.object({
  name: z.string(),
  agent: z.string(),
  kind: z.enum(['command', 'headless', 'dedicated', 'autonomous', 'adopted', 'unmanaged', 'worker']),
  managed: z.literal(false).optional().describe("somebody else's: it is never written to"),
  state: z.enum(SESSION_STATES),
  blocked_on: z.enum(BLOCKED_ON).optional(),
  detail: z.string().optional(),
  evidence: z
    .object({ from: z.string(), age_seconds: z.number() })
    .optional()
    .describe('on what the state rests, and for how long it has held'),
  requests: z.array(Request).optional().describe('what its agent asks; each is answered once'),
  next: z.string().optional().describe('what a person should do'),
  until: z.string().optional().describe('when it is of use again'),
  task: z
    .object({ id: z.string(), project: z.string(), title: z.string(), attempt: z.number(), since: z.string() })
    .optional(),
  more_tasks: z.number().optional().describe('that a worker has beside this one'),
  last_heard: z.string().optional().describe('of a worker'),
  conversation: z.string().optional().describe("the agent's own id of it"),
  project: z.string().optional().describe('the one project whose tasks it takes'),
  model: z.string().optional(),
  profile: z.string().optional(),
  context_tokens: z.number().optional(),
  cost_usd: z.number().optional(),
  attached: z.number().optional().describe('people who look at it now'),
});
export type Session = z.infer<typeof Session>;

type Who = Pick<ToolContext, 'yard' | 'caller'>;
type Work = Omit<NonNullable<SlotView['task']>, 'run_dir'>;

/** How the session tools name one: by its own name, or by the task that it works on. */
export const sessionName = z.string().min(1).optional().describe('as list_sessions shows it');

/** A slot as the caller may see it: an attempt does not see what other projects work on. */
export function slotOf(ctx: Who, { name, agent, kind, state, task }: SlotView): Session {
  return {
    name,
    agent,
    kind,
    state,
    ...(task && !refuseProject(ctx, task.ref.project) && { task: workOf(ctx, task) }),
  };
}

/** An outside worker likewise. One that is silent is not there: its tasks went back to the queue. */
export function workerOf(ctx: Who, { name, state, detail, heard_at, tasks }: WorkerView): Session {
  const seen = tasks.filter(({ ref }) => !refuseProject(ctx, ref.project));
  const [first, ...more] = seen;
  return {
    ...{ name, agent: name, kind: 'worker', state: state === 'offline' ? 'absent' : state },
    ...(first && { task: workOf(ctx, first) }),
    ...(more.length > 0 && { more_tasks: more.length }),
    ...(heard_at !== undefined && { last_heard: iso(heard_at) }),
    ...(detail !== undefined && { detail: plainLine(detail) }),
  };
}

/** A session likewise; what its agent asks is a person's to read and to answer. */
export function sessionOf(ctx: Who, view: SessionView): Session {
  const { name, agent, kind, managed, state, blocked_on } = view;
  const short = {
    ...{ name, agent, kind, state },
    ...(!managed && { managed: false as const }),
    ...(blocked_on && { blocked_on }),
    ...(view.until !== undefined && { until: iso(view.until) }),
  };
  return maySee(ctx, view) ? { ...short, ...factsOf(ctx, view), ...askedOf(ctx, view) } : short;
}

/** Whether what it shows and says is the caller's to read. An idle one may still show what it did for somebody else. */
export function maySee(ctx: Who, { project, task }: SessionView): boolean {
  if (ctx.caller.principal === 'owner') return true;
  const of = task?.ref.project ?? project;
  return of !== undefined && refuseProject(ctx, of) === undefined;
}

function factsOf(ctx: Who, view: SessionView): Partial<Session> {
  const { detail, evidence, task, conversation, project, model, profile, context_tokens, usage, attached } = view;
  return {
    ...(detail !== undefined && { detail: plainLine(detail).slice(0, MAX_DETAIL) }),
    ...(evidence && { evidence: { from: plainLine(evidence.from), age_seconds: ageOf(ctx, evidence.at) } }),
    ...(task && { task: workOf(ctx, task) }),
    ...(project !== undefined && view.kind === 'dedicated' && { project: ctx.yard.projectName(project) }),
    ...(conversation !== undefined && { conversation }),
    ...(model !== undefined && { model: plainLine(model) }),
    ...(profile !== undefined && { profile }),
    ...(context_tokens !== undefined && { context_tokens }),
    ...(usage?.cost_usd !== undefined && { cost_usd: Math.round(usage.cost_usd * 10_000) / 10_000 }),
    ...(attached !== undefined && attached > 0 && { attached }),
  };
}

function askedOf(ctx: Who, { requests, next }: SessionView): Partial<Session> {
  if (ctx.caller.principal !== 'owner') return {};
  return {
    ...(requests.length > 0 && { requests: requests.slice(0, MAX_REQUESTS).map(requestOf) }),
    ...(next !== undefined && { next: plainLine(next).slice(0, MAX_DETAIL) }),
  };
}

function workOf({ yard }: Who, { ref, title, attempt, since }: Work): NonNullable<Session['task']> {
  const project = yard.projectName(ref.project);
  return { id: ref.id, project, title: plainLine(title), attempt, since: iso(since) };
}

function ageOf({ yard }: Who, at: number): number {
  return Math.max(0, Math.round((yard.clock.now() - at) / 1_000));
}

function iso(at: number): string {
  return new Date(at).toISOString();
}

export type Place =
  | { readonly kind: 'session'; readonly session: SessionView }
  | { readonly kind: 'slot'; readonly slot: SlotView };

/** What bears this name: a session, else a slot of a command agent. */
export function findPlace({ yard }: Pick<ToolContext, 'yard'>, name: string): Place | Refusal {
  const session = yard.sessions.find({ name });
  if (!isRefusal(session)) return { kind: 'session', session };
  const slot = yard.slots().find((one) => one.name === name);
  if (slot) return { kind: 'slot', slot };
  if (yard.workers.list().some((one) => one.name === name))
    return refuse(
      'not_possible',
      `${name} is an outside worker: nothing of it can be seen or said from here`,
      'list_sessions shows its tasks, job_status what became of them',
    );
  const names = [...yard.sessions.list(), ...yard.slots()].slice(0, 20).map((one) => one.name);
  return refuse(
    'not_found',
    `there is no session "${name.slice(0, 100)}"`,
    names.length > 0 ? `there are: ${names.join(', ')}` : 'no agent is configured; fleet_status',
  );
}
