import type { FleetAgent } from '../model/fleet.ts';
import type { RouteRule } from '../model/route.ts';
import type { TaskSpec } from '../model/spec.ts';
import { rule } from './ask.ts';

/**
 * The task's own model, else the one configured for its priority, else the default; only for agents that take one. One
 * that the configuration chose and the agent may not be given gives way to the first that it may.
 */
export function chooseModel(
  spec: TaskSpec,
  agent: FleetAgent,
  models: Readonly<Record<string, string>>,
  allowed?: readonly string[],
): { readonly model?: string; readonly rules: readonly RouteRule[] } {
  if (!takesModel(agent)) {
    return { rules: spec.model ? [rule('model', `${agent.id} takes no model: ${spec.model} is not used`)] : [] };
  }
  if (spec.model) return { model: spec.model, rules: [rule('model', `${spec.model}: the task says so`)] };
  const its = agent.models ?? models;
  const own = its[spec.priority];
  const model = own ?? its.default;
  if (allowed && (model === undefined || !allowed.includes(model))) return firstAllowed(allowed, its.default, model);
  if (!model) return { rules: [] };
  const why = own ? `for priority ${spec.priority}` : 'by default';
  return { model, rules: [rule('model', `${model}: ${why}`)] };
}

export function takesModel({ takes_model, kind }: FleetAgent): boolean {
  return takes_model ?? kind !== 'command';
}

function firstAllowed(allowed: readonly string[], usual: string | undefined, denied: string | undefined) {
  const model = usual !== undefined && allowed.includes(usual) ? usual : allowed[0];
  if (model === undefined) return { rules: [] };
  const why = denied === undefined ? 'the first that is allowed' : `${denied} is not allowed`;
  return { model, rules: [rule('model', `${model}: ${why}`)] };
}
