import { z } from 'zod';
import { plainLine } from '../../runtime/model/plain-text.ts';
import { isRefusal, type Refusal, refuse } from '../../runtime/model/refusal.ts';
import type { SessionRequest } from '../../runtime/model/session.ts';
import { fittingAnswer, type GivenAnswer } from '../../runtime/policy/answers.ts';
import type { AnsweredRequest } from '../../runtime/session-desk.ts';
import { causeOf } from '../cause.ts';
import { ASKS_A_PERSON } from '../claude-code.ts';
import { defineTool, type ToolContext } from '../tool.ts';
import { asksAPerson, refuseAnswer } from './may-answer.ts';

const input = z.strictObject({
  request_id: z.string().min(1).max(200),
  decision: z.enum(['allow', 'deny']).optional(),
  reason: z.string().max(2_000).optional().describe('of a denial; the agent reads it'),
  answers: z.record(z.string(), z.string().max(10_000)).optional().describe('question → answer'),
});
type Args = z.output<typeof input>;

export const answerRequest = defineTool({
  name: 'answer_request',
  title: "Answer an agent's request",
  description: `Allows or denies what an agent asks permission for, or answers its questions, by the request's id and for that one request only.
Use it for requests that fleet_status lists under needs or list_sessions under requests, after the user has decided: the answer acts with the user's authority. Exactly one of decision and answers: questions get answers, with each question as it was asked and one of its options (where several may be chosen: with commas between), or "Other: …" for words of the user's own.
{"request_id": "req-7", "decision": "allow"}
{"request_id": "req-7", "decision": "deny", "reason": "not on this branch"}
{"request_id": "req-8", "answers": {"Which database?": "postgres"}}`,
  input,
  output: z.object({
    request_id: z.string(),
    answered: z.boolean(),
    as: z.string().describe('allowed, denied or answered'),
    session: z.string(),
    task: z.object({ id: z.string(), project: z.string() }),
    tool: z.string(),
    verdict: z.enum(['confirmed', 'unconfirmed']).optional().describe('whether the agent has gone on'),
    detail: z.string().optional(),
    next: z.string().optional(),
  }),
  hints: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: true },
  meta: ASKS_A_PERSON,
  metaFor: ({ orchestrator_may_answer }) => (asksAPerson(orchestrator_may_answer) ? ASKS_A_PERSON : {}),
  async handle(ctx, args) {
    const { sessions, config } = ctx.yard;
    const request = sessions.requests().find(({ id }) => id === args.request_id);
    const answer = answerIn(args, request);
    if (isRefusal(answer)) return answer;
    const not = request && refuseAnswer(config.orchestrator_may_answer, ctx.caller, request);
    if (not) return not;
    // One that is open no more goes on all the same: the desk knows how it ended, and whether this call ended it.
    const answered = await sessions.answer(args.request_id, answer, causeOf(ctx));
    return isRefusal(answered) ? answered : told(ctx, answered, args);
  },
});

function told({ yard }: ToolContext, answered: AnsweredRequest, { decision }: Args) {
  const { id, session, task, tool, verdict, detail } = answered;
  const named = { id: task.id, project: yard.projectName(task.project) };
  return {
    ...{ request_id: id, answered: true, session, task: named, tool: plainLine(tool) },
    ...(verdict !== undefined && { verdict }),
    ...(detail !== undefined && { detail: plainLine(detail) }),
    as: decision === undefined ? 'answered' : decision === 'allow' ? 'allowed' : 'denied',
    next: `job_status {id: ${JSON.stringify(named.id)}, project: ${JSON.stringify(named.project)}, wait_seconds: 45}`,
  };
}

/** Exactly one kind of answer, and the kind that was asked for. */
function answerIn({ decision, reason, answers }: Args, request: SessionRequest | undefined): GivenAnswer | Refusal {
  if ((decision === undefined) === (answers === undefined)) {
    return refuse(
      'invalid',
      'exactly one of decision and answers is needed',
      'decision: "allow" or "deny"; answers: {"question": "answer"}',
    );
  }
  if (reason !== undefined && decision !== 'deny')
    return refuse(
      'invalid',
      'reason belongs to a denial',
      'leave reason out, or tell the agent with message_session afterwards',
    );
  const given = answers === undefined ? decided(decision ?? 'deny', reason) : { answers };
  const fitting = request && fittingAnswer(request, given);
  return fitting && isRefusal(fitting) ? fitting : given;
}

function decided(decision: 'allow' | 'deny', reason: string | undefined): GivenAnswer {
  return decision === 'allow' ? { decision } : { decision, ...(reason !== undefined && { reason }) };
}
