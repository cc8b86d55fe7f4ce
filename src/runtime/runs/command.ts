import type { Claimed } from '../dispatcher/launch.ts';
import { type Config, commandAgents } from '../model/config.ts';
import type { ProjectId } from '../model/ids.ts';
import { isRefusal } from '../model/refusal.ts';
import type { AgentRoute } from '../model/route.ts';
import type { LiveTask } from '../model/task.ts';
import type { Chance, Files, TaskStore } from '../ports.ts';
import { queueOf } from '../taskfile/layout.ts';
import { parseTask } from '../taskfile/parse.ts';
import type { Environment } from './environment.ts';
import { namesOutput, prepareRun } from './order.ts';
import { judgeRun } from './outcome.ts';
import type { EndedAttempt, Prepared, Program, RunPlace, RunVerdict } from './program.ts';

export interface CommandPorts {
  readonly store: Pick<TaskStore, 'projects'>;
  readonly files: Files;
  readonly chance: Chance;
  /** As it counts for one project's tasks. */
  readonly config: (project: ProjectId) => Config;
  readonly env: Environment;
}

/** The commands of the person's own: a prompt goes in, an exit code and an output come back. */
export class Commands implements Program {
  readonly #ports: CommandPorts;

  constructor(ports: CommandPorts) {
    this.#ports = ports;
  }

  async prepare({ lease, task, bytes, route }: Claimed<AgentRoute>, place: RunPlace): Promise<Prepared> {
    const { config, store, files, chance, env } = this.#ports;
    const now = config(task.project);
    const agent = commandAgents(now)[route.agent];
    const project = store.projects().find(({ id }) => id === task.project);
    const parsed = parseTask(bytes);
    if (isRefusal(parsed)) return { kind: 'unfit', reason: parsed.message };
    if (!agent || !project) return { kind: 'refused', reason: `agent ${route.agent} is not configured` };
    const paths = queueOf(project.path);
    const results = task.spec.depends_on.map((id) => ({ id, path: paths.done(id) }));
    const model = route.model === undefined ? {} : { model: route.model };
    const { closing } = now.prompt;
    const attempt = { project, task, lease, body: parsed.body, agent, ...model, results, closing, env, ...place };
    const order = await prepareRun({ files, chance }, attempt);
    if (!isRefusal(order)) return { kind: 'ready', order };
    return { kind: order.code === 'invalid' ? 'unfit' : 'refused', reason: order.message };
  }

  judge({ task, dir, end, stopped }: EndedAttempt): Promise<RunVerdict> {
    const agent = this.#agent(task);
    const route = task.route.to === 'agent' ? task.route : undefined;
    return judgeRun(this.#ports.files, {
      dir,
      end,
      writesOutput: agent === undefined || namesOutput(agent), // one that the configuration has lost may have
      agent: route?.agent ?? 'unknown',
      ...(route?.model !== undefined && { model: route.model }),
      ...(stopped && { stopped }),
    });
  }

  ttl(task: LiveTask): number | undefined {
    return this.#agent(task)?.ttl;
  }

  #agent({ route, project }: LiveTask) {
    return route.to === 'agent' ? commandAgents(this.#ports.config(project))[route.agent] : undefined;
  }
}
