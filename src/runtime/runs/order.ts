import { join } from 'node:path';
import type { CommandAgent } from '../model/config.ts';
import type { Project } from '../model/event.ts';
import type { TaskRef } from '../model/ids.ts';
import { isRefusal, type Refusal } from '../model/refusal.ts';
import type { Lease, LiveTask } from '../model/task.ts';
import type { Chance, Files, RunOrder } from '../ports.ts';
import { fillArgv, namesIn } from './argv.ts';
import { agentEnvironment, type Environment } from './environment.ts';
import { type LocalPrompt, localPrompt } from './prompt.ts';

/** One try at a task by a configured command. */
export interface CommandAttempt {
  /** Its run directory, and the folder in which it works. */
  readonly dir: string;
  readonly cwd: string;
  /** What the check of the attempt before said. */
  readonly complaint?: string;
  readonly project: Project;
  readonly task: LiveTask;
  readonly lease: Lease;
  /** The task's text without its front matter. */
  readonly body: string;
  readonly agent: CommandAgent;
  readonly model?: string;
  readonly results: LocalPrompt['results'];
  readonly closing: string;
  /** What the agent's environment is taken from. */
  readonly env: Environment;
}

/** The files of a run that its agent or its reader knows by name. */
export function runFiles(dir: string) {
  return {
    prompt: join(dir, 'prompt.md'),
    output: join(dir, 'output'),
    stdout: join(dir, 'stdout'),
    stderr: join(dir, 'stderr'),
  };
}

export function runDirOf(home: string, ref: TaskRef, attempt: number): string {
  return join(home, 'runs', ref.project, ref.id, String(attempt));
}

/** Writes the prompt into the attempt's run directory and says what is to be started there. Starts nothing. */
export async function prepareRun(
  io: { readonly files: Pick<Files, 'makeDir' | 'replace'>; readonly chance: Chance },
  attempt: CommandAttempt,
): Promise<RunOrder | Refusal> {
  const { task, agent, project, lease, dir, cwd } = attempt;
  const paths = runFiles(dir);
  const argv = fillArgv(agent.command, {
    prompt_file: paths.prompt,
    output_file: paths.output,
    task: task.id,
    project_dir: cwd,
    model: attempt.model,
  });
  if (isRefusal(argv)) return argv;
  const run = `run-${io.chance.hex(12)}`;
  await io.files.makeDir(dir);
  await io.files.replace(paths.prompt, new TextEncoder().encode(promptOf(attempt, run)));
  const env = agentEnvironment(attempt.env, agent, {
    task: task.id,
    project: project.id,
    attempt: lease.attempt,
    run,
    run_dir: dir,
    token: lease.token,
  });
  return { dir, argv, cwd, env, ...(takesStdin(agent) && { stdin: paths.prompt }) };
}

/** Whether the result is what the agent writes into `{output_file}`. */
export function namesOutput(agent: CommandAgent): boolean {
  return namesIn(agent.command).includes('output_file');
}

function takesStdin(agent: CommandAgent): boolean {
  return agent.stdin === undefined ? !namesIn(agent.command).includes('prompt_file') : agent.stdin === 'prompt';
}

/** After a prompt that was too long for the model, learnings are the first to go. */
function promptOf({ task, body, results, closing, complaint }: CommandAttempt, nonce: string): string {
  const learnings = task.last_error?.class === 'context_overflow' ? [] : task.spec.learnings;
  const { constraints, include, result_schema } = task.spec;
  return localPrompt({
    file: `${task.id}.md`,
    title: task.title,
    body,
    constraints,
    learnings,
    ...(include && { include }),
    results,
    nonce,
    closing,
    ...(result_schema && { result_schema }),
    ...(complaint !== undefined && { complaint }),
  });
}
