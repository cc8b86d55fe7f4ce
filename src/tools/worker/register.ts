import { z } from 'zod';
import { plainLine } from '../../runtime/model/plain-text.ts';
import { isRefusal } from '../../runtime/model/refusal.ts';
import { Worker, WorkerName } from '../../runtime/model/worker.ts';
import { causeOf } from '../cause.ts';
import { findProject } from '../find-project.ts';
import { defineTool } from '../tool.ts';
import { everySeconds, GivenTask, givenTask } from './worker.ts';

export const registerWorker = defineTool({
  name: 'register_worker',
  title: 'Register as a worker',
  description: `Makes you an agent of this fleet that asks for its tasks. Tasks reach you by your name (agent), by what you can do (requires), or because they fit and you are free. Then: claim_task, heartbeat while you work, complete_task or fail_task, and claim_task again.
{"name": "translator-1", "capabilities": ["french"], "max": 2}
Keep the key: with it, after a restart of your own, you are still the same worker and held lists what is still yours. Registering under a name without its key takes that name over: the worker before is over, and its tasks go back to the queue. Set files only if you work in the project folders of this machine: then a task comes with cwd, and checks (verify) and git worktrees are kept for you.`,
  input: z.strictObject({
    name: WorkerName.describe('letters, digits, dots, dashes; tasks name you by it'),
    title: z.string().min(1).max(200).optional().describe('for people'),
    capabilities: Worker.shape.capabilities.default([]),
    max: Worker.shape.max.default(1).describe('tasks at once'),
    files: z.boolean().default(false).describe('you work in the project folders of this machine'),
    projects: z.array(z.string().min(1)).min(1).max(100).optional().describe('only tasks of these, by name or path'),
    key: z.string().min(1).max(200).optional().describe('of an earlier registration under this name'),
  }),
  output: z.object({
    worker: z.string(),
    key: z.string().describe('show it with claim_task, heartbeat and deregister_worker'),
    heartbeat_seconds: z.number().describe('be heard of at least this often; a claim_task that waits counts'),
    ttl_seconds: z.number().describe('silent for longer: you are gone, and your tasks go back to the queue'),
    held: z.array(GivenTask).optional().describe('what you had before and still have: go on with it, or fail_task'),
    next: z.string(),
  }),
  hints: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
  async handle(ctx, { name, title, capabilities, max, files, projects, key }) {
    const ids = [];
    for (const one of projects ?? []) {
      const project = await findProject(ctx, one);
      if (isRefusal(project)) return project;
      ids.push(project.id);
    }
    const order = {
      ...{ name, capabilities: capabilities.map(plainLine).filter((one) => one !== ''), max, files },
      ...(title !== undefined && { title: plainLine(title) }),
      ...(projects && { projects: ids }),
      ...(key !== undefined && { key }),
    };
    const registered = await ctx.yard.workers.register(order, causeOf(ctx));
    if (isRefusal(registered)) return registered;
    const { ttl_ms, held } = registered;
    return {
      ...{ worker: name, key: registered.key },
      ...{ heartbeat_seconds: everySeconds(ttl_ms), ttl_seconds: ttl_ms / 1_000 },
      ...(held.length > 0 && { held: held.map((task) => givenTask(ctx, task)) }),
      next: `claim_task {worker: ${JSON.stringify(name)}, key, wait_seconds: 30}`,
    };
  },
});
