import { z } from 'zod';

/* What the tables of told events are made of: one entry per name, with when it is told and what it says. */

export function told<S extends z.ZodRawShape>(when: string, facts: S) {
  return { when, facts: z.object(facts) };
}

export const text = z.string();
export const count = z.number().int().nonnegative();
export const time = z.iso.datetime();

/** Which task. */
export const ofTask = {
  project: text.describe("the project's name"),
  task: text.describe("the task's id"),
};

export const attempt = { attempt: count.describe('the number of the attempt; 0 = it was never tried') };

/** Where an attempt runs, or ran. */
export const place = {
  agent: text.optional().describe('the agent, command, session or worker that has it'),
  program: text.optional().describe('of a session: the agent that works in it'),
  provider: text.optional().describe('the provider that it was delegated to'),
  model: text.optional().describe('the model, where it is known'),
};
