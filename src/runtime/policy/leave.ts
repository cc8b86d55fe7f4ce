import type { Fleet } from '../model/fleet.ts';
import { type Refusal, refuse } from '../model/refusal.ts';
import type { ProviderRoute, Route } from '../model/route.ts';
import { listed, type RouteAsk, rule } from './ask.ts';
import { decide } from './decide.ts';
import { chooseSide, findProvider } from './delegation.ts';

/**
 * Where a task goes that somebody wants at a provider now: `decide`'s own answer, asked as if the task itself preferred that
 * provider, or why it stays. So nothing leaves in this way that the dispatcher would keep here.
 */
export function leave(ask: RouteAsk, name: string, fleet: Fleet, now: number): ProviderRoute | Refusal {
  const { spec } = ask;
  if (!findProvider(name, fleet)) return noProvider(name, fleet);
  if (spec.preferred_ai === 'claude-code' && !spec.needs_claude_code)
    return refuse('not_allowed', 'preferred_ai: claude-code runs on this machine', KEYS);
  const wanted = { ...spec, preferred_ai: name };
  const side = chooseSide(wanted, fleet);
  if (side.kind === 'local') return refuse('not_allowed', said(side.rules[0]), KEYS);
  const route = decide({ ...ask, spec: wanted }, fleet, now);
  if (route.to === 'provider')
    return { ...route, rules: [rule('delegate', `delegate asked for ${name}`), ...route.rules] };
  return stays(route, spec);
}

const KEYS = 'nothing was changed: a task keeps what its keys say; enqueue it without that key';

/** Why a route that was to lead to a provider does not. */
export function stays(route: Exclude<Route, ProviderRoute>, spec: RouteAsk['spec']): Refusal {
  switch (route.to) {
    case 'refuse':
      return refuse('not_allowed', route.reason, KEYS);
    case 'agent':
      return refuse('not_allowed', said(route.rules[0]), KEYS);
    case 'wait': {
      const why = route.detail ?? route.reason;
      if (route.reason === 'no_eligible_agent') return refuse('not_allowed', why, unkept(spec));
      const until = route.until === undefined ? undefined : new Date(route.until).toISOString();
      const then = until === undefined || why.includes(until) ? '' : `, until ${until}`;
      return refuse('not_possible', `not now: ${why}${then}`, LATER);
    }
  }
}

const LATER =
  'nothing was changed. Call delegate again then; a task with preferred_ai goes by itself as soon as it may';

function unkept({ verify, apply }: RouteAsk['spec']): string {
  if (verify === undefined || apply !== undefined) return KEYS;
  return 'with apply: worktree the patch in its answer is applied in a git worktree of the task, and verify runs there';
}

function said(first: { rule: string; says: string } | undefined): string {
  return first === undefined ? 'it stays on this machine' : `${first.rule}: ${first.says}`;
}

function noProvider(name: string, { providers }: Fleet): Refusal {
  if (providers.length === 0)
    return refuse(
      'not_configured',
      'no provider is configured',
      'add one under delegation.providers in yardmaster.yaml',
    );
  const known = listed(providers.map(({ id }) => id).sort());
  return refuse('not_configured', `provider "${name.slice(0, 100)}" is not configured`, `configured: ${known}`);
}
