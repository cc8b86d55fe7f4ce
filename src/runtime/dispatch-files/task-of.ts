import { createHash } from 'node:crypto';
import { type DropRules, refuseDrop } from '../inbox/drop-rules.ts';
import { CODING_AGENTS, type Config, commandAgents } from '../model/config.ts';
import type { Project } from '../model/event.ts';
import { TaskSpec, type TaskSpecInput } from '../model/spec.ts';
import type { NewTask } from '../ports.ts';
import { composeTask } from '../taskfile/compose.ts';
import { quote } from '../taskfile/split.ts';
import { titleFor } from '../taskfile/title.ts';
import type { Document, ReadDocument } from './document.ts';
import { type Unfit, unfit } from './unfit.ts';

/** A sound file before its project is looked for. */
export interface Wanted {
  readonly kind: 'wanted';
  readonly document: Document;
  readonly spec: TaskSpec;
  readonly title: string;
  /** The task file that it becomes: the same file always gives the same bytes. */
  readonly bytes: Uint8Array;
}

/** What a dispatch file asks for, by the rules for files that programs leave. It runs without a terminal unless it says so. */
export function wantedBy(
  { document, fields }: ReadDocument,
  file: Uint8Array,
  config: Pick<Config, 'agents' | 'limits'>,
  rules: DropRules,
): Wanted | Unfit {
  const { target_agent } = document;
  const unknown = target_agent === undefined ? undefined : refuseAgent(target_agent, config);
  if (unknown) return unknown;
  const given: TaskSpecInput = {
    mode: 'headless',
    ...fields,
    ...(target_agent !== undefined && { agent: target_agent }),
  };
  const spec = TaskSpec.parse(given); // document.ts has seen to it
  const refusal = refuseDrop(spec, rules);
  if (refusal) return unfit(refusal.message, refusal.hint, refusal.message.split(':')[0]);
  const bytes = composeTask(given, document.task, origin(document, file));
  const { max_task_bytes } = config.limits;
  if (bytes.length > max_task_bytes)
    return unfit(`the task has ${bytes.length} bytes; the limit is ${max_task_bytes}`, TOO_LONG, 'task');
  return { kind: 'wanted', document, spec, title: titleFor(spec, document.task), bytes };
}

const TOO_LONG = 'Name large material by its path, or raise limits.max_task_bytes.';

export function newTask({ document, spec, title, bytes }: Wanted, project: Project, folder?: string): NewTask {
  const { id, dispatched_by, target_agent, clawvisor_task_id } = document;
  return {
    ...{ project: project.id, id, spec, title, bytes, source: 'dispatch', enqueued_by: dispatched_by },
    dispatch: {
      ...{ id, by: dispatched_by, project: document.project },
      ...(target_agent !== undefined && { target_agent }),
      ...(clawvisor_task_id !== undefined && { clawvisor_task_id }),
      ...(folder !== undefined && { folder }),
    },
  };
}

/** For people who look at the task's file; and it makes another file's bytes another task's. */
function origin({ dispatched_by, clawvisor_task_id }: Document, file: Uint8Array): [string, string | undefined][] {
  return [
    ['dispatched_by', dispatched_by],
    ['clawvisor_task_id', clawvisor_task_id],
    ['dispatch_sha256', createHash('sha256').update(file).digest('hex')],
  ];
}

function refuseAgent(name: string, config: Pick<Config, 'agents'>): Unfit | undefined {
  const known = [...CODING_AGENTS, ...Object.keys(commandAgents(config))];
  if (known.includes(name)) return undefined;
  const why = name === 'cursor' ? 'has no way to be run without its window' : 'is no agent that is known here';
  const hint = `Known: ${known.join(', ')}. Others can be configured as commands under agents in yardmaster.yaml.`;
  return unfit(`target_agent: ${quote(name)} ${why}`, hint, 'target_agent');
}
