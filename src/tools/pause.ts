import { z } from 'zod';
import { Duration } from '../runtime/model/duration.ts';
import { type HoldScope, holdKey, isPersons } from '../runtime/model/hold.ts';
import { plainLine } from '../runtime/model/plain-text.ts';
import { isRefusal, type Refusal, refuse } from '../runtime/model/refusal.ts';
import { Moment } from '../runtime/model/spec.ts';
import type { Cause } from '../runtime/model/task.ts';
import { resumeCall, resumeCommand } from '../runtime/policy/held.ts';
import type { HoldView } from '../runtime/yard.ts';
import { causeOf } from './cause.ts';
import { findProject } from './find-project.ts';
import { Hold, holdOf } from './holds.ts';
import { defineTool, type ToolContext } from './tool.ts';

const MAX_NAMED = 5;
const LONGEST_MS = 366 * 86_400_000;

const input = z.strictObject({
  what: z.enum(['pause', 'drain', 'resume']).describe('drain: pause, and be told when nothing runs any more'),
  project: z.string().min(1).optional().describe('path or name; with neither project nor agent: everything'),
  agent: z
    .string()
    .min(1)
    .max(100)
    .optional()
    .describe('a session, a program such as claude (with all its sessions), a worker or a provider'),
  reason: z.string().max(500).optional().describe('needed to pause and to drain: others read it'),
  for: z
    .union([
      z.number().positive(),
      z.string().regex(/^\d+(?:\.\d+)?(?:ms|s|m|h|d)?$/, 'a time such as 30m or 2h, or seconds'),
    ])
    .optional()
    .describe('over by itself after this: 30m, 2h, or seconds'),
  until: Moment.optional().describe('instead of for: when it is over by itself'),
});
type Input = z.output<typeof input>;

const output = z.object({
  what: z.enum(['pause', 'drain', 'resume']),
  hold: Hold.optional().describe('in force there now'),
  changed: z.boolean().optional().describe('of resume: whether anything was held there'),
  next: z.string(),
});
type Output = z.input<typeof output>;

export const pauseWork = defineTool({
  name: 'pause_work',
  title: 'Pause, drain or resume work',
  description: `Keeps new work from beginning, everywhere, in one project or at one agent, and lets it begin again. What runs goes on; tasks wait and lose nothing, no attempt is spent.
Use it before something that running tasks would disturb (an upgrade, a rebase, a deploy): drain, then fleet_status until paused.holds says drained. To stop one task use cancel_task.
What a person holds at the command line is refused: only a person ends it.
{"what": "drain", "project": "shop", "reason": "the main branch is being rebased", "for": "2h"}
{"what": "pause", "agent": "claude", "reason": "its update is being installed"}
{"what": "resume", "project": "shop"}`,
  input,
  output,
  hints: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  async handle(ctx, args) {
    const scope = await scopeOf(ctx, args);
    if (isRefusal(scope)) return scope;
    if (args.what !== 'resume') return (await hold(ctx, scope, args)) ?? answer(ctx, scope, args.what);
    const held = heldAt(ctx, scope) !== undefined;
    return (await resume(ctx, scope, args)) ?? resumed(ctx, held);
  },
});

async function scopeOf(ctx: ToolContext, { what, project: named, agent }: Input): Promise<HoldScope | Refusal> {
  if (named !== undefined && agent !== undefined) {
    const hint = 'name one of them; two calls hold both';
    return refuse('invalid', 'project and agent are both given, and a hold has one scope', hint);
  }
  if (agent !== undefined) return agentScope(ctx, agent, what);
  if (named === undefined) return { of: 'fleet' };
  const project = await findProject(ctx, named);
  return isRefusal(project) ? project : { of: 'project', project: project.id };
}

/** A name that nothing goes by would hold nothing; one that is held may have gone since. */
function agentScope({ yard }: ToolContext, agent: string, what: Input['what']): HoldScope | Refusal {
  const scope = { of: 'agent', agent } as const;
  const { agents, providers } = yard.fleet();
  const names = new Set([...agents.flatMap(({ id, program }) => [id, program]), ...providers.map(({ id }) => id)]);
  for (const name of yard.store.workers().keys()) names.add(name);
  if (names.has(agent) || (what === 'resume' && yard.store.holds().has(holdKey(scope)))) return scope;
  const known = [...names].sort();
  const shown = known.slice(0, 20).join(', ') + (known.length > 20 ? ` and ${known.length - 20} more` : '');
  return refuse('not_found', `nothing in the fleet goes by "${plainLine(agent)}"`, `there are: ${shown || 'none'}`);
}

async function hold(ctx: ToolContext, scope: HoldScope, { what, reason, ...times }: Input) {
  const why = plainLine(reason ?? '');
  if (why === '') return refuse('invalid', 'reason is missing: others will want to know why nothing begins', 'give it');
  const until = untilOf(ctx, times);
  if (isRefusal(until)) return until;
  const kind = what === 'drain' ? 'drain' : 'pause';
  const order = { kind, reason: why, ...(until !== undefined && { until }) } as const;
  return ctx.yard.store.hold(scope, order, causeOfHold(ctx));
}

async function resume(ctx: ToolContext, scope: HoldScope, { reason, for: length, until }: Input) {
  if (length !== undefined || until !== undefined)
    return refuse('invalid', 'for and until mean nothing with resume', 'leave them out; nothing was changed');
  const why = plainLine(reason ?? '');
  return ctx.yard.store.resume(scope, causeOfHold(ctx), why === '' ? undefined : why);
}

function untilOf(
  { yard }: ToolContext,
  { for: length, until }: Pick<Input, 'for' | 'until'>,
): number | undefined | Refusal {
  if (length !== undefined && until !== undefined)
    return refuse('invalid', 'for and until are both given', 'give one of them; nothing was changed');
  if (length === undefined && until === undefined) return undefined;
  const now = yard.clock.now();
  const at = until === undefined ? now + Duration.parse(length) : Date.parse(until);
  if (at > now && at <= now + LONGEST_MS) return Math.round(at);
  const name = until === undefined ? 'for' : 'until';
  const hint = 'give a time in the future, within a year; or leave it out: then it lasts until somebody resumes it';
  return refuse('invalid', `${name} is ${until ?? length}`, hint);
}

/** What a person does at the command line is a person's; every other client is the owner's. */
function causeOfHold(ctx: ToolContext): Cause {
  const cause = causeOf(ctx);
  return ctx.caller.principal === 'owner' && ctx.caller.person ? { ...cause, by: 'person' } : cause;
}

function heldAt({ yard }: ToolContext, scope: HoldScope): HoldView | undefined {
  return yard.holds().find((one) => holdKey(one.scope) === holdKey(scope));
}

function answer(ctx: ToolContext, scope: HoldScope, what: 'pause' | 'drain'): Output {
  const held = heldAt(ctx, scope);
  if (held === undefined) return { what, next: 'it is over already: fleet_status {}' };
  return { what, hold: holdOf(held), next: endOf(held) };
}

function endOf({ scope, name = '', state, running }: HoldView): string {
  const end = `${resumeCall(scope, name)} lets work begin again`;
  if (state !== 'draining') return end;
  const still = running === 1 ? '1 attempt still runs' : `${running} attempts still run`;
  return `${still}: fleet_status {} until paused.holds says drained; ${end}`;
}

/** Who ends a hold where there is none has often meant another: it is named. */
function resumed({ yard, caller }: ToolContext, changed: boolean): Output {
  const others = caller.principal === 'owner' ? yard.holds() : [];
  const named = others
    .slice(0, MAX_NAMED)
    .map((hold) =>
      isPersons(hold) ? resumeCommand(hold.scope, hold.name ?? '') : resumeCall(hold.scope, hold.name ?? ''),
    );
  const more = others.length > MAX_NAMED ? ` and ${others.length - MAX_NAMED} more` : '';
  const still =
    named.length === 0 ? 'fleet_status {} shows the rest' : `what else is held ends with ${named.join(', ')}${more}`;
  const done = changed ? 'work begins there again by itself' : 'nothing was held there, so nothing was changed';
  return { what: 'resume', changed, next: `${done}; ${still}` };
}
