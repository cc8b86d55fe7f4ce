import type { FleetAgent } from '../model/fleet.ts';
import type { RouteRule } from '../model/route.ts';
import type { TaskSpec } from '../model/spec.ts';
import { rule } from './ask.ts';

/** The task's own model, else the one configured for its priority, else the default; only for agents that take one. */
export function chooseModel(
  spec: TaskSpec,
  agent: FleetAgent,
  models: Readonly<Record<string, string>>,
): { readonly model?: string; readonly rules: readonly RouteRule[] } {
  if (!(agent.takes_model ?? agent.kind !== 'command')) {
    return { rules: spec.model ? [rule('model', `${agent.id} takes no model: ${spec.model} is not used`)] : [] };
  }
  if (spec.model) return { model: spec.model, rules: [rule('model', `${spec.model}: the task says so`)] };
  const its = agent.models ?? models;
  const own = its[spec.priority];
  const model = own ?? its.default;
  if (!model) return { rules: [] };
  const why = own ? `for priority ${spec.priority}` : 'by default';
  return { model, rules: [rule('model', `${model}: ${why}`)] };
}
