import type { Config } from '../model/config.ts';
import type { ProjectId } from '../model/ids.ts';
import type { Refusal } from '../model/refusal.ts';
import type { TaskSpec } from '../model/spec.ts';
import type { Clock, Files, Git, TaskStore } from '../ports.ts';
import type { Packed } from '../yard.ts';

export interface PackingPorts {
  readonly files: Pick<Files, 'read' | 'stat' | 'list' | 'readLink'>;
  readonly git: Pick<Git, 'run'>;
  readonly clock: Clock;
  readonly store: Pick<TaskStore, 'projects' | 'get' | 'text'>;
  readonly config: (project: ProjectId) => Config;
}

/** Collects what a provider is shown beside the task itself. */
export class Packing {
  readonly #ports: PackingPorts;

  constructor(ports: PackingPorts) {
    this.#ports = ports;
  }

  async preview(_project: ProjectId, spec: TaskSpec): Promise<Packed | Refusal> {
    void this.#ports;
    return { files: spec.include?.length ?? 0, bytes: 0 };
  }
}
