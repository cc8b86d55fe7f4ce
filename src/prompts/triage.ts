import { isRefusal } from '../runtime/model/refusal.ts';
import { boxData, DATA_NOTE, gather, optionalProject, toolData } from './data.ts';
import type { Prompt } from './prompt.ts';

export const triage: Prompt = {
  name: 'triage',
  title: 'Triage of what failed or is stuck',
  description: 'Goes through failed and stuck tasks, finds out why, and proposes or does what is next.',
  arguments: [optionalProject],
  async get(ctx, { project }) {
    const data = await gather([
      toolData(ctx, 'fleet_status'),
      boxData(ctx, 'failed', project),
      boxData(ctx, 'inbox', project),
    ]);
    if (isRefusal(data)) return data;
    return {
      data,
      text: `Triage the attached queue: what failed, and what waits or runs without moving.

For each failed task, newest first, at most ten:
1. Read why: job_status {id, project, detail: "result"}; where that says little, detail: "log" and detail: "attempts".
2. Say which it is: the task's text, the agent or its account, the machine, or a limit.
3. Next step: the same text can work now → retry_task; the text was the problem → enqueue_task with a better one that stands for itself; a person is needed → say exactly for what. Never retry the same text a second time.

For what does not move: its waiting reason; no agent can take it → decide_route {id}; it runs too long or its session is stalled → read_session {id}; its session is blocked → say what it asks, or what it needs, and how to attach. Cancel only what I agree to. Requests of agents under needs are mine to answer: show each with its input, then answer_request as I say.

Begin with a table (task, why, next step), then ask me once for all that changes something.
${DATA_NOTE}`,
    };
  },
};
