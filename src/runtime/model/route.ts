import { z } from 'zod';

/** Why a task that could be run some time is not run now. */
export const WaitReason = z.enum([
  'dependency',
  'not_before',
  'backoff',
  'no_free_agent',
  'no_eligible_agent', // no configured agent could ever take it: a person must act
  'checkout_busy', // another task works in the same shared checkout
  'project_limit',
  'worktree_limit', // no more git worktrees of ours may be made
  'allowance',
  'paused',
]);
export type WaitReason = z.infer<typeof WaitReason>;

/** One rule that spoke while the route was decided, in the order in which it spoke. */
export const RouteRule = z.object({ rule: z.string(), says: z.string() });
export type RouteRule = z.infer<typeof RouteRule>;

const rules = z.array(RouteRule);

export const AgentRoute = z.object({
  to: z.literal('agent'),
  agent: z.string(),
  kind: z.enum(['command', 'headless', 'session', 'worker']),
  /** Of a session, the agent that works in it: that one's allowance is used as well. */
  program: z.string().optional(),
  /** It works in no folder of this machine. */
  elsewhere: z.literal(true).optional(),
  model: z.string().optional(),
  rules,
});
export const ProviderRoute = z.object({
  to: z.literal('provider'),
  provider: z.string(),
  /** What is passed upstream as `preferred_ai`; absent for `auto` and for the provider's own name. */
  ai: z.string().optional(),
  /** The model that it will use, where that is known before it answers. */
  model: z.string().optional(),
  rules,
});
export const WaitRoute = z.object({
  to: z.literal('wait'),
  reason: WaitReason,
  until: z.number().optional(),
  detail: z.string().optional(),
  /** Of what waits for held places alone: whose holds these are. */
  held: z.array(z.string()).optional(),
  rules,
});
export const RefuseRoute = z.object({ to: z.literal('refuse'), reason: z.string(), rules });

/** A route on which a task runs now. */
export const RunRoute = z.discriminatedUnion('to', [AgentRoute, ProviderRoute]);
export type RunRoute = z.infer<typeof RunRoute>;
export const Route = z.discriminatedUnion('to', [AgentRoute, ProviderRoute, WaitRoute, RefuseRoute]);
export type Route = z.infer<typeof Route>;
export type AgentRoute = z.infer<typeof AgentRoute>;
export type ProviderRoute = z.infer<typeof ProviderRoute>;

/** Whose an attempt is, or was: the route without the reasons for it. */
export const AttemptPlace = z.object({
  agent: z.string().optional(),
  program: z.string().optional(),
  provider: z.string().optional(),
  model: z.string().optional(),
});
export type AttemptPlace = z.infer<typeof AttemptPlace>;

export function placeOf(route: RunRoute): AttemptPlace {
  const model = route.model === undefined ? {} : { model: route.model };
  if (route.to === 'provider') return { provider: route.provider, ...model };
  const { agent, program } = route;
  return { agent, ...(program !== undefined && { program }), ...model };
}
