import { z } from 'zod';
import { SESSION_STATES, type SessionState } from '../../runtime/model/session.ts';
import { heldText, holdOfPlace } from '../../runtime/policy/held.ts';
import type { HoldView } from '../../runtime/yard.ts';
import { defineTool, type ToolContext } from '../tool.ts';
import { Session, sessionOf, slotOf, workerOf } from './session.ts';

const COMMAND_NOTE =
  'Slots of command agents run one process per attempt: their output can be read, but they take no messages and ask for nothing.';

export const listSessions = defineTool({
  name: 'list_sessions',
  title: 'List sessions',
  description: `Lists the places where agents work, and what each is doing: those that need someone first, then working ones, longest first, then the others by name. A run without a terminal is called project/task and is there while it lasts. Outside workers say when they were last heard of.
A session says on what its state rests and how old that is, its task, model, tokens of context and cost, and under requests what its agent asks, with the call that answers it. Use it to see who works on what, and to get a name for read_session or message_session. For the load of all agents and providers use fleet_status.
{"state": "blocked"}
With all it also looks for sessions of the same agents that somebody else started (managed: false): they are shown and never written to.
{"all": true}`,
  input: z.strictObject({
    state: z.enum(SESSION_STATES).optional(),
    all: z.boolean().default(false).describe('also sessions that are not ours'),
    limit: z.number().int().min(1).max(200).default(50),
  }),
  output: z.object({ sessions: z.array(Session), not_shown: z.number().optional(), note: z.string().optional() }),
  hints: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  async handle(ctx, { state, all, limit }) {
    const every = await placesOf(ctx, all);
    const wanted = every.filter((one) => state === undefined || one.state === state);
    const hidden = wanted.length - limit;
    return {
      sessions: wanted.slice(0, limit),
      ...(hidden > 0 && { not_shown: hidden }),
      ...(wanted.some(({ kind }) => kind === 'command') && { note: COMMAND_NOTE }),
    };
  },
});

/** Sessions, slots and outside workers together, the most urgent first. An attempt does not see what is none of the yard's. */
async function placesOf(ctx: ToolContext, all: boolean): Promise<Session[]> {
  const { yard, caller } = ctx;
  const views = all && caller.principal === 'owner' ? await yard.sessions.listAll() : yard.sessions.list();
  const sessions = views.map((view) => sessionOf(ctx, view));
  const slots = yard.slots().map((slot) => slotOf(ctx, slot));
  const workers = yard.workers.list().map((worker) => workerOf(ctx, worker));
  const holds = yard.holds().filter(({ scope }) => scope.of === 'agent');
  return sorted([...sessions, ...slots, ...workers].map((place) => withHold(place, holds)));
}

/** A place that is held looks idle, and nobody would know why it takes nothing. */
function withHold(place: Session, holds: readonly HoldView[]): Session {
  const hold = place.managed === false ? undefined : holdOfPlace(holds, { id: place.name, program: place.agent });
  if (!hold) return place;
  return { ...place, detail: [heldText(hold), place.detail].filter(Boolean).join('; ') };
}

const RANK: Readonly<Record<SessionState, number>> = Object.fromEntries(
  SESSION_STATES.map((state, at) => [state, at]),
) as Record<SessionState, number>;

function sorted(places: readonly Session[]): Session[] {
  return [...places].sort((a, b) => RANK[a.state] - RANK[b.state] || since(a) - since(b) || byName(a, b));
}

/** Those without a task come last among their like. */
function since({ task }: Session): number {
  return task === undefined ? Number.MAX_SAFE_INTEGER : Date.parse(task.since);
}

/** `ccl-auto-9` before `ccl-auto-10`. */
function byName(a: Session, b: Session): number {
  return a.name.localeCompare(b.name, 'en', { numeric: true });
}
