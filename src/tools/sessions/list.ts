import { z } from 'zod';
import type { SlotView } from '../../runtime/yard.ts';
import { defineTool } from '../tool.ts';
import { Session, sessionOf } from './slot.ts';

const COMMAND_NOTE =
  'Slots of command agents run one process per attempt: their output can be read, but they take no messages and ask for nothing.';

export const listSessions = defineTool({
  name: 'list_sessions',
  title: 'List sessions',
  description: `Lists the places where agents work, and what each is doing: those that need someone first, then working ones, longest first, then idle ones.
Use it to see who works on what, and to get a name for read_session. For the load of all agents and providers use fleet_status.
{"state": "working"}`,
  input: z.strictObject({ state: Session.shape.state.optional(), limit: z.number().int().min(1).max(200).default(50) }),
  output: z.object({ sessions: z.array(Session), not_shown: z.number().optional(), note: z.string().optional() }),
  hints: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  async handle(ctx, { state, limit }) {
    const slots = ctx.yard.slots().filter((slot) => state === undefined || slot.state === state);
    const sorted = [...slots].sort((a, b) => since(a) - since(b));
    const hidden = sorted.length - limit;
    return {
      sessions: sorted.slice(0, limit).map((slot) => sessionOf(ctx, slot)),
      ...(hidden > 0 && { not_shown: hidden }),
      ...(slots.some(({ kind }) => kind === 'command') && { note: COMMAND_NOTE }),
    };
  },
});

/** Idle ones sort last. No kind of slot can wait for a person yet, so none sorts before the working ones. */
function since({ task }: SlotView): number {
  return task?.since ?? Number.MAX_SAFE_INTEGER;
}
