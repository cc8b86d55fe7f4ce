import type { Fleet, FleetProvider } from '../model/fleet.ts';
import type { RouteRule } from '../model/route.ts';
import type { TaskSpec } from '../model/spec.ts';
import { listed, rule } from './ask.ts';
import { byId, type Wish } from './local.ts';

export type Side =
  | { readonly kind: 'local'; readonly rules: readonly RouteRule[]; readonly wish?: Wish; readonly may_leave: boolean }
  | {
      readonly kind: 'provider';
      readonly rules: readonly RouteRule[];
      readonly provider: FleetProvider;
      readonly ai?: string;
    };

const CLAUDE = 'claude';

/**
 * Local or remote, by the first key that speaks:
 *
 *   needs_claude_code > preferred_ai: claude-code > allow_delegation: false > preferred_ai: <provider> > local
 *
 * D1. Nothing leaves the machine unless `preferred_ai` or `allow_delegation: true` says so; `complexity_hint` never does.
 * D2. `allow_delegation: true` alone allows and does not ask for it: the task stays local wherever a configured agent
 *     could take it, and goes to the default provider only where none ever could (`may_leave`).
 */
export function chooseSide(spec: TaskSpec, fleet: Fleet): Side {
  const local = (says: RouteRule[], wish?: Wish, may_leave = false): Side => ({
    kind: 'local',
    rules: [...says, ...hint(spec)],
    may_leave,
    ...(wish && { wish }),
  });
  if (spec.needs_claude_code) {
    const wish: Wish = { name: CLAUDE, firm: 'must', key: 'needs_claude_code' };
    return local([rule('needs_claude_code', 'it needs Claude Code, so it stays on this machine')], wish);
  }
  if (spec.preferred_ai === 'claude-code') {
    const wish: Wish = { name: CLAUDE, firm: 'should', key: 'preferred_ai' };
    return local([rule('preferred_ai', 'claude-code runs on this machine')], wish);
  }
  if (spec.allow_delegation === false) {
    const over = spec.preferred_ai ? `, whatever preferred_ai: ${spec.preferred_ai} asks for` : '';
    return local([rule('allow_delegation', `false: it stays on this machine${over}`)]);
  }
  if (spec.preferred_ai !== undefined) return preferred(spec.preferred_ai, spec, fleet, local);
  if (spec.allow_delegation) {
    return local([rule('allow_delegation', 'true, but nothing asks for a provider: local first')], undefined, true); // D2
  }
  return local([rule('local', 'nothing asks for delegation')]); // D1
}

type Local = (says: RouteRule[], wish?: Wish, may_leave?: boolean) => Side;

function preferred(name: string, spec: TaskSpec, fleet: Fleet, local: Local): Side {
  const found = findProvider(name, fleet);
  if (found) {
    return { kind: 'provider', ...found, rules: [rule('preferred_ai', found.says), ...hint(spec)] };
  }
  const program = fleet.agents.some(
    (agent) => agent.program === name && !(agent.when_named && agent.status === 'offline' && !agent.held),
  );
  const known = listed(fleet.providers.map((provider) => provider.id).sort());
  const says =
    name === 'auto'
      ? 'auto, but no provider is configured: it stays on this machine'
      : program
        ? `${name} is an agent on this machine`
        : `no provider is or serves ${name} (known: ${known}): it stays on this machine`;
  const wish: Wish | undefined = program ? { name, firm: 'should', key: 'preferred_ai' } : undefined;
  return local([rule('preferred_ai', says)], wish, spec.allow_delegation === true);
}

/** A provider's own name wins over an AI of that name; of several that serve an AI the default one, else the first by id. */
export function findProvider(
  name: string,
  fleet: Fleet,
): { provider: FleetProvider; ai?: string; says: string } | undefined {
  const ordered = inOrder(fleet);
  if (name === 'auto') {
    const first = ordered[0];
    return first && { provider: first, says: `auto: ${first.id} chooses the AI` };
  }
  const named = ordered.find((provider) => provider.id === name);
  if (named) {
    const own = named.ai.includes(name) ? { ai: name } : {};
    return { provider: named, ...own, says: `${name} is a provider` };
  }
  const serving = ordered.find((provider) => provider.ai.includes(name));
  return serving && { provider: serving, ai: name, says: `${name} is served by ${serving.id}` };
}

function inOrder(fleet: Fleet): readonly FleetProvider[] {
  const first = (provider: FleetProvider) => (provider.id === fleet.default_provider ? 0 : 1);
  return [...fleet.providers].sort((a, b) => first(a) - first(b) || byId(a, b));
}

function hint(spec: TaskSpec): RouteRule[] {
  if (!spec.complexity_hint) return [];
  return [rule('complexity_hint', `${spec.complexity_hint}: shown, never delegates by itself`)];
}
