import { z } from 'zod';
import { refuse } from '../../runtime/model/refusal.ts';
import { ASKS_A_PERSON } from '../claude-code.ts';
import { defineTool } from '../tool.ts';

export const answerRequest = defineTool({
  name: 'answer_request',
  title: "Answer an agent's request",
  description: `Allows or denies what an agent asks permission for, or answers its questions, by the request's id and for that one request only.
Use it for requests that fleet_status lists under needs, after the user has decided: the answer acts with the user's authority.
{"request_id": "req-7", "decision": "deny", "reason": "not on this branch"}
{"request_id": "req-8", "answers": {"Which database?": "postgres"}}`,
  input: z.strictObject({
    request_id: z.string().min(1).max(200),
    decision: z.enum(['allow', 'deny']).optional(),
    reason: z.string().max(2_000).optional().describe('the agent reads it'),
    answers: z.record(z.string(), z.string()).optional().describe('question → answer'),
  }),
  output: z.object({ request_id: z.string(), answered: z.boolean() }),
  hints: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: true },
  meta: ASKS_A_PERSON,
  async handle(_ctx, { request_id, decision, answers }) {
    if ((decision === undefined) === (answers === undefined)) {
      return refuse(
        'invalid',
        'exactly one of decision and answers is needed',
        'decision: "allow" or "deny"; answers: {"question": "answer"}',
      );
    }
    return refuse(
      'not_found',
      `there is no open request "${request_id}": command agents ask for nothing, and no other kind of session is configured`,
      'fleet_status lists under needs what waits for a person',
    );
  },
});
