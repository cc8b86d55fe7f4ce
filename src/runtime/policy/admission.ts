import type { Fleet, FleetAgent, FleetProvider } from '../model/fleet.ts';
import type { RouteRule } from '../model/route.ts';
import type { TaskSpec } from '../model/spec.ts';
import { agentLimits, modelLimits, own, projectLimits, type Verdict, verdictOn } from './allowance.ts';
import { type RouteAsk, rule } from './ask.ts';
import { chooseModel, takesModel } from './models.ts';
import type { Wait } from './waits.ts';

/*
 * Whether a place may take a task as far as allowance goes, and with which model.
 *
 * M1. A model that the task names is never exchanged: where a place may not use it the place does not fit, where it is
 *     spent the task waits. One that the configuration chose gives way to another that it allows.
 */

export interface Admission {
  readonly model?: string;
  readonly rules: readonly RouteRule[];
  /** Nothing more may begin there. */
  readonly spent?: Wait;
}

type Models = Readonly<Record<string, string>>;

export function admission(spec: TaskSpec, agent: FleetAgent, models: Models, fleet: Fleet, now: number): Admission {
  const chosen = chooseModel(spec, agent, models, allowedModels(agent, fleet));
  const { allowance } = fleet;
  if (!allowance) return chosen;
  const mine = namesOf(agent).flatMap((name) => agentLimits(name, allowance, now));
  const { model, rules } = unspentModel(spec, agent, chosen, fleet, now);
  const verdict = verdictOn([...mine, ...(model === undefined ? [] : modelLimits(model, allowance, now))]);
  return { ...(model !== undefined && { model }), ...admitted(rules, verdict) };
}

export function providerAdmission(
  spec: TaskSpec,
  at: FleetProvider,
  ai: string | undefined,
  fleet: Fleet,
  now: number,
) {
  const { allowance } = fleet;
  const model = spec.model ?? (ai === undefined ? undefined : at.models?.[ai]) ?? at.model;
  if (!allowance) return { ...(model !== undefined && { model }), rules: [] };
  const limits = [
    ...agentLimits(at.id, allowance, now),
    ...(model === undefined ? [] : modelLimits(model, allowance, now)),
  ];
  return { ...(model !== undefined && { model }), ...admitted([], verdictOn(limits)) };
}

function admitted(rules: readonly RouteRule[], verdict: Verdict): Pick<Admission, 'rules' | 'spent'> {
  switch (verdict.state) {
    case 'ok':
      return { rules };
    case 'warning':
      return { rules: [...rules, rule('allowance', `warning: ${verdict.detail}`)] };
    case 'exceeded': {
      const { detail, until } = verdict;
      return { rules, spent: { reason: 'allowance', detail, ...(until !== undefined && { until }) } };
    }
  }
}

/** M1: along `instead`, to the first model that is not spent; where there is none, the one that was chosen. */
function unspentModel(spec: TaskSpec, agent: FleetAgent, chosen: Chosen, fleet: Fleet, now: number): Chosen {
  const { allowance } = fleet;
  const allowed = allowedModels(agent, fleet);
  if (!allowance || spec.model !== undefined) return chosen;
  const seen = new Set<string>();
  for (
    let model = chosen.model;
    model !== undefined && !seen.has(model);
    model = own(allowance.models, model)?.instead
  ) {
    seen.add(model);
    if (allowed && !allowed.includes(model)) continue;
    if (verdictOn(modelLimits(model, allowance, now)).state === 'exceeded') continue;
    if (model === chosen.model) return chosen;
    return {
      model,
      rules: [...chosen.rules, rule('allowance', `${model} instead of ${chosen.model}, which is spent`)],
    };
  }
  return chosen;
}

type Chosen = Pick<Admission, 'model' | 'rules'>;

/** Of a session also those of the agent in it. */
function namesOf({ id, program }: FleetAgent): string[] {
  return [...new Set([id, program])];
}

/** The only models that it may be given; undefined where every one is. */
export function allowedModels(agent: FleetAgent, { allowance }: Fleet): readonly string[] | undefined {
  if (!allowance) return undefined;
  const lists = namesOf(agent).flatMap((name) =>
    [own(allowance.agents, name)?.models ?? []].filter(({ length }) => length),
  );
  const [first, ...more] = lists;
  return first?.filter((model) => more.every((list) => list.includes(model)));
}

/** Why an agent may never take this task, whatever is spent. */
export function modelNotAllowed(spec: TaskSpec, agent: FleetAgent, fleet: Fleet): string | undefined {
  const allowed = takesModel(agent) ? allowedModels(agent, fleet) : undefined;
  if (!allowed || (spec.model === undefined ? allowed.length > 0 : allowed.includes(spec.model))) return undefined;
  return `may not use ${spec.model ?? 'any model'} (allowance.agents.${agent.program}.models)`;
}

export function modelNotAllowedAt({ id }: FleetProvider, model: string | undefined, { allowance }: Fleet) {
  const allowed = allowance && own(allowance.agents, id)?.models;
  if (!allowed || model === undefined || allowed.includes(model)) return undefined;
  return `provider ${id} may not use ${model} (allowance.agents.${id}.models)`;
}

/** What of the project's own allowance is spent. */
export function projectSpent(ask: RouteAsk, fleet: Fleet, now: number): Wait | undefined {
  return ofProject(ask, fleet, now).spent;
}

/** What of it is nearly spent. */
export function projectWarning(ask: RouteAsk, fleet: Fleet, now: number): readonly RouteRule[] {
  return ofProject(ask, fleet, now).rules;
}

function ofProject({ project }: RouteAsk, fleet: Fleet, now: number): Pick<Admission, 'rules' | 'spent'> {
  const its = project && fleet.projects.get(project);
  if (!its || !fleet.allowance) return { rules: [] };
  return admitted([], verdictOn(projectLimits(project, its, fleet.allowance, now)));
}

/** Among agents of which none may begin anything: the first that may again says when. */
export function allSpent(spent: readonly Wait[]): Wait {
  const details = [...new Set(spent.map(({ detail }) => detail))].sort(); // in whatever order the places are listed
  const more = details.length > 3 ? ` and ${details.length - 3} more` : '';
  const ends = spent.map(({ until }) => until);
  const until = ends.includes(undefined) ? undefined : Math.min(...(ends as number[]));
  const detail = details.slice(0, 3).join('; ') + more;
  return { reason: 'allowance', detail, ...(until !== undefined && { until }) };
}
