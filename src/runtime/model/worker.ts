import { z } from 'zod';
import { ProjectId } from './ids.ts';

/* An outside worker: a program of somebody's own that asks for tasks over MCP (`--toolset worker`). */

export const WorkerName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'letters, digits, dots, dashes');

/** What it says of itself; the journal keeps this, and when it was heard of last is known only while the runtime lives. */
export const Worker = z.object({
  name: WorkerName,
  /** Which life of it: one that registers anew without the key of the one before is another, and that one is over. */
  life: z.string(),
  /** Sha-256 of the key that it must show with each call. */
  key_sha: z.string(),
  title: z.string().max(200).optional(),
  capabilities: z.array(z.string().min(1).max(100)).max(50),
  /** Tasks at once. */
  max: z.number().int().min(1).max(256),
  /** It works in the folders of the projects, on this machine: then checks and worktrees are kept for it. */
  files: z.boolean(),
  /** Only tasks of these. */
  projects: z.array(ProjectId).max(100).optional(),
  registered_at: z.number(),
});
export type Worker = z.infer<typeof Worker>;

export const WorkerEvent = z.discriminatedUnion('type', [
  /** For the first time, or again with other facts. */
  z.object({ type: z.literal('worker_registered'), worker: Worker }),
  z.object({
    type: z.literal('worker_left'),
    name: WorkerName,
    life: z.string(),
    why: z.enum(['deregistered', 'silent', 'replaced']),
  }),
]);
export type WorkerEvent = z.infer<typeof WorkerEvent>;

export function foldWorker(workers: Map<string, Worker>, event: WorkerEvent): void {
  switch (event.type) {
    case 'worker_registered':
      workers.set(event.worker.name, event.worker);
      return;
    case 'worker_left':
      if (workers.get(event.name)?.life === event.life) workers.delete(event.name);
  }
}
