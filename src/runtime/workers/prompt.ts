import { attemptPrompt } from '../conversations/prompt.ts';
import { isRefusal } from '../model/refusal.ts';
import type { ErrorClass } from '../model/spec.ts';
import type { Lease, LiveTask } from '../model/task.ts';
import type { Worker } from '../model/worker.ts';
import { runDirOf } from '../runs/order.ts';
import { parseTask } from '../taskfile/parse.ts';
import type { WorkersPorts } from './ports.ts';

export type Told =
  | { readonly kind: 'ready'; readonly prompt: string; readonly cwd?: string }
  | { readonly kind: 'unfit'; readonly class: ErrorClass; readonly reason: string }
  | { readonly kind: 'wait'; readonly reason: string };

/** What a worker is told, and where it works. The same each time it is asked for, as long as the attempt is live. */
export async function tell(
  ports: WorkersPorts,
  worker: Worker,
  task: LiveTask,
  lease: Lease,
  bytes: Uint8Array,
): Promise<Told> {
  if (worker.files) return inFolder(ports, task, lease, bytes);
  const composed = await ports.composer.compose(task, lease, bytes);
  return composed;
}

async function inFolder(ports: WorkersPorts, task: LiveTask, lease: Lease, bytes: Uint8Array): Promise<Told> {
  const { workspaces, checks, files, home, store, config } = ports;
  const parsed = parseTask(bytes);
  if (isRefusal(parsed)) return { kind: 'unfit', class: 'invalid', reason: parsed.message };
  const opened = await workspaces.open(task);
  if (opened.kind === 'unfit') return { kind: 'unfit', class: 'invalid', reason: opened.reason };
  if (opened.kind === 'wait') return opened;
  const { cwd } = opened;
  const dir = runDirOf(home, lease.task, lease.attempt);
  await files.makeDir(dir);
  if (task.state === 'claimed') await checks.before(task, dir, cwd);
  const prompt = attemptPrompt({
    ...{ task, body: parsed.body, told: false },
    project: store.projects().find(({ id }) => id === task.project)?.path ?? cwd,
    nonce: `${task.id}/${task.attempt}`,
    closing: config(task.project).prompt.closing,
    complaint: await checks.complaint(task),
    result_schema: task.spec.result_schema,
  });
  return { kind: 'ready', prompt, cwd };
}
