import { isRefusal } from '../runtime/model/refusal.ts';
import { DATA_NOTE, gather, optionalProject, toolData } from './data.ts';
import type { Prompt } from './prompt.ts';

export const standup: Prompt = {
  name: 'standup',
  title: 'Standup of the queue',
  description: 'What was done, what runs, what is stuck and what needs a person, since yesterday or since a time.',
  arguments: [optionalProject, { name: 'since', description: 'ISO time, or how long ago: 30m, 12h, 2d; default 24h' }],
  async get(ctx, { project, since = '24h' }) {
    const of = project === undefined ? {} : { project };
    const data = await gather([
      toolData(ctx, 'fleet_status'),
      toolData(ctx, 'list_tasks', { ...of, changed_since: since, limit: 100 }),
    ]);
    if (isRefusal(data)) return data;
    const where = project === undefined ? 'all projects' : `the project ${JSON.stringify(project)}`;
    return {
      data,
      text: `Give me a standup of ${where} since ${since}, from the attached answers of fleet_status and list_tasks.

1. What needs me first (needs), with the next step of each; agents that wait for an answer before all else, with what they ask word for word. Answer none of them before I have said how (answer_request).
2. Done: one line per task. Before you say what came of a task that matters, read it: job_status {id, project, detail: "result"}.
3. Running: what, where, for how long. If one seems stuck: read_session {id}.
4. Waiting: group those with the same reason. For a reason that is not plain: decide_route {id}.
5. Failed or cancelled: the reason in a few words, and whether to retry.

Leave empty parts out. At most one screen. Change nothing: propose retry_task, cancel_task or enqueue_task instead of calling them.
${DATA_NOTE}`,
    };
  },
};
