import { completeProject } from '../resources/complete.ts';
import { isRefusal } from '../runtime/model/refusal.ts';
import { findProject } from '../tools/find-project.ts';
import { boxData, DATA_NOTE, gather, toolData } from './data.ts';
import type { Prompt } from './prompt.ts';

export const plan: Prompt = {
  name: 'plan',
  title: 'Plan work for agents',
  description: 'Cuts a goal into tasks that agents can do side by side, and enqueues them once you agree.',
  arguments: [
    { name: 'goal', description: 'what is to be reached', required: true },
    { name: 'project', description: 'name or path of the project', required: true, complete: completeProject },
  ],
  async get(ctx, { goal, project = '' }) {
    const known = !isRefusal(await findProject(ctx, project));
    const data = await gather([
      toolData(ctx, 'fleet_status'),
      ...(known ? [boxData(ctx, 'inbox', project)] : []), // a new project has no queue yet: its first task makes one
    ]);
    if (isRefusal(data)) return data;
    return {
      data,
      text: `Plan this for the project ${JSON.stringify(project)}:

${goal}

1. Look at the project as far as you need to, and at the attached state: which agents there are, what they can do (can, load, max), what is queued already. Don't plan twice what waits there.
2. Cut the goal into tasks that one agent can finish and check by itself. Each body must stand for itself: files, what to change, how to see that it is done; agents see nothing of this conversation. Add verify where a command can tell.
3. Order with depends_on only what really builds on something else; tasks without it may run side by side in the same checkout, so keep them apart by files.
4. Show me the plan as a table (id, what, depends_on, agent or provider) and wait for my word.
5. Then one enqueue_task {project, tasks: […]} with one group for all, and job_status {group, wait: "any", wait_seconds: 45} until they have ended; read each result, and tell me what failed and what you propose.
${DATA_NOTE}`,
    };
  },
};
