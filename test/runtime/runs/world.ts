import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { CommandAgent } from '../../../src/runtime/model/config.ts';
import { ProjectId, TaskId } from '../../../src/runtime/model/ids.ts';
import { TaskSpec, type TaskSpecInput } from '../../../src/runtime/model/spec.ts';
import type { RunningTask } from '../../../src/runtime/model/task.ts';
import type { Chance } from '../../../src/runtime/ports.ts';
import type { CommandAttempt } from '../../../src/runtime/runs/order.ts';
import { runDirOf } from '../../../src/runtime/runs/order.ts';

export const chance: Chance = { hex: (bytes) => 'ab'.repeat(bytes), fraction: () => 0.5 };

export async function tempDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'yard-runs-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

export function attemptAt(
  home: string,
  given: { id?: string; command: string[]; agent?: object; spec?: TaskSpecInput } & Partial<
    Pick<CommandAttempt, 'model' | 'env' | 'results'>
  >,
): CommandAttempt {
  const project = ProjectId.parse('p_0123456789ab');
  const id = TaskId.parse(given.id ?? 'fix-login');
  const task: RunningTask = {
    ...{ project, id, seq: 1, queued_at: 0, changed_at: 0, changed_seq: 1, title: 'Fix', sha: '', size: 1 },
    ...{
      body: { segment: 's', offset: 0, length: 0 },
      source: 'call',
      enqueued_by: 'me',
      depth: 0,
      attempt: 2,
      spent: 2,
    },
    ...{
      waits_for: [],
      token: 't',
      claimed_at: 0,
      started_at: 0,
      state: 'running',
      spec: TaskSpec.parse(given.spec ?? {}),
    },
    route: { to: 'agent', agent: 'bot', kind: 'command', rules: [] },
  };
  return {
    dir: runDirOf(home, { project, id }, 2),
    cwd: home,
    project: { id: project, path: home, name: 'shop', adopted_at: 0 },
    task,
    lease: { task: { project, id }, attempt: 2, epoch: 'e', token: 'secret-token' },
    body: 'Do it.',
    agent: CommandAgent.parse({ command: given.command, ...given.agent }),
    results: given.results ?? [],
    closing: 'Go.',
    env: given.env ?? { PATH: '/usr/bin' },
    ...(given.model !== undefined && { model: given.model }),
  };
}
