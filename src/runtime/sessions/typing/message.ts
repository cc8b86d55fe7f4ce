import { isRefusal, type Refusal, refuse } from '../../model/refusal.ts';
import type { Cause } from '../../model/task.ts';
import type { Guard } from './guard.ts';
import type { PaneAgent } from './pane-agent.ts';
import type { Typed } from './typing.ts';
import { wordingOf } from './wording.ts';

/** Sends a text to the agent in a pane. One message after the other reaches it; none is ever sent twice. */
export async function message(
  guard: Pick<Guard, 'type'>,
  agent: PaneAgent,
  text: string,
  cause: Cause,
): Promise<Typed> {
  if (cause.by === 'attempt') return ofAnAttempt(agent);
  const wording = wordingOf(text);
  return isRefusal(wording) ? wording : guard.type(agent, wording);
}

function ofAnAttempt({ seat }: PaneAgent): Refusal {
  return refuse(
    'not_allowed',
    `a worker can't send messages to other sessions; nothing was sent to ${seat}`,
    'say in your result what others should know',
  );
}
