import type { Conversation } from '../../agents/agent.ts';
import { plainLine } from '../../model/plain-text.ts';
import type { BlockedOn } from '../../model/session.ts';
import type { Reading, Seen, Told } from '../../policy/session-state.ts';
import type { AgentRequest, AttemptView } from './attempt-ports.ts';
import type { Concluding } from './conclude.ts';

export interface Viewed {
  readonly facts: Concluding;
  readonly reading: Reading;
  readonly told: Told;
  readonly since: number;
  readonly requests: readonly AgentRequest[];
  readonly process: Seen['process'];
  /** Its agent says that it is done. */
  readonly checking: boolean;
  readonly pid?: number;
  readonly transcript: string;
  readonly conversation?: Conversation;
  /** It has shown no sign since then. */
  readonly stalled_since?: number;
}

/** What people and tools are shown of an attempt. */
export function viewOf(viewed: Viewed): AttemptView {
  const { facts, reading, requests, transcript, conversation, since, pid } = viewed;
  const { record, task, dir } = facts;
  const model = conversation?.answer?.model ?? record.model;
  const ref = { project: task.project, id: task.id };
  return {
    ...stateOf(viewed),
    evidence: reading.evidence,
    task: { ref, title: task.title, attempt: task.attempt, since, run_dir: dir },
    conversation: record.conversation,
    ...(model !== undefined && { model }),
    ...(record.profile !== undefined && { profile: record.profile }),
    ...(conversation?.context_tokens !== undefined && { context_tokens: conversation.context_tokens }),
    ...(conversation && { usage: conversation.usage }),
    ...{ requests, transcript, run_dir: dir, lingering: false },
    ...(pid !== undefined && { pid }),
    ...(record.config_dir !== undefined && { config_dir: record.config_dir }),
  };
}

/** Of an agent that is being started. */
export function startingView({ record, task, dir }: Concluding, since: number): AttemptView {
  const ref = { project: task.project, id: task.id };
  return {
    state: 'starting',
    task: { ref, title: task.title, attempt: task.attempt, since, run_dir: dir },
    conversation: record.conversation,
    ...(record.model !== undefined && { model: record.model }),
    ...(record.profile !== undefined && { profile: record.profile }),
    ...(record.config_dir !== undefined && { config_dir: record.config_dir }),
    ...{ requests: [], transcript: record.transcript, run_dir: dir, lingering: false },
  };
}

function stateOf({
  reading,
  facts,
  requests,
  process,
  checking,
  stalled_since,
}: Viewed): Pick<AttemptView, 'state' | 'blocked_on' | 'detail' | 'next'> {
  const { phase } = reading;
  const session = facts.record.session;
  const attach = `yardmaster attach ${session}`;
  if (checking) return { state: 'working', detail: 'its work is being checked' };
  if (process === 'unknown')
    return { state: 'unknown', detail: 'its process could not be looked at; it is tried again' };
  switch (phase.kind) {
    case 'starting':
      return { state: 'starting' };
    case 'blocked':
      return {
        ...{ state: 'blocked', blocked_on: phase.on, detail: plainLine(phase.detail) },
        next: nextFor(phase.on, attach, requests),
      };
    case 'over':
    case 'gone':
      return { state: 'working', detail: 'its end is being recorded' };
    case 'working':
      if (stalled_since !== undefined)
        return { state: 'working', detail: 'it has shown no sign for a long time', next: `look at it: ${attach}` };
      if (phase.background > 0)
        return { state: 'working', detail: `${phase.background} of its tasks run in the background` };
      return { state: 'working', ...(phase.tool !== undefined && { detail: `it uses ${plainLine(phase.tool)}` }) };
  }
}

function nextFor(on: BlockedOn, attach: string, [request]: readonly AgentRequest[]): string {
  switch (on) {
    case 'permission':
      return request ? `answer_request ${request.id}, or ${attach}` : attach;
    case 'question':
      return request ? `answer_request ${request.id} with answers, or ${attach}` : attach;
    case 'login':
      return `log in: ${attach}`;
    case 'interrupted':
      return `message_session with the next word, or ${attach}`;
    case 'limit':
    case 'dialog':
      return `answer it there: ${attach}`;
  }
}
