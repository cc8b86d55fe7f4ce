import type { Fleet, FleetAgent, FleetProject, FleetProvider } from '../../../src/runtime/model/fleet.ts';
import { ProjectId } from '../../../src/runtime/model/ids.ts';
import { TaskSpec, type TaskSpecInput } from '../../../src/runtime/model/spec.ts';

export const SHOP = ProjectId.parse('p_000000000001');
export const SITE = ProjectId.parse('p_000000000002');
export const NOW = Date.UTC(2026, 0, 1);

export function spec(input: TaskSpecInput = {}): TaskSpec {
  return TaskSpec.parse(input);
}

export function agent(id: string, more: Partial<FleetAgent> = {}): FleetAgent {
  return { id, kind: 'command', program: id, capabilities: [], status: 'available', load: 0, max: 1, ...more };
}

export function provider(id: string, more: Partial<FleetProvider> = {}): FleetProvider {
  return { id, ai: [], status: 'available', load: 0, max: 0, ...more };
}

export function project(more: Partial<FleetProject> = {}): FleetProject {
  return { paused: false, running: 0, max_running: 0, weight: 1, checkout_busy: false, ...more };
}

export function fleet(more: Partial<Fleet> = {}): Fleet {
  return {
    agents: [agent('claude'), agent('worker')],
    providers: [provider('alpha', { ai: ['gpu', 'gemini'] }), provider('beta', { ai: ['gemini', 'claude-api'] })],
    paused: false,
    projects: new Map([[SHOP, project()]]),
    models: { critical: 'opus', default: 'sonnet' },
    ...more,
  };
}
