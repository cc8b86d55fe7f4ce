import type { Cause } from '../runtime/model/task.ts';
import type { ToolContext } from './tool.ts';

/** What the journal says about a call: who made it, which request it was, and from inside which task it came. */
export function causeOf({ caller, call }: Pick<ToolContext, 'caller' | 'call'>): Cause {
  return {
    by: caller.principal,
    ...(call !== undefined && { call }),
    ...(caller.principal === 'attempt' && { parent: caller.task }),
  };
}
