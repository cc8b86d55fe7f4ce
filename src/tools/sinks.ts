import { z } from 'zod';
import { plainLine } from '../runtime/model/plain-text.ts';
import type { SinkView } from '../runtime/model/sink.ts';

/** Who else is told what happens, as tools show it. */
export const Sink = z.object({
  name: z.string(),
  kind: z.enum(['webhook', 'command']),
  to: z.string().describe('the host, or the program'),
  state: z.enum(['working', 'failing', 'held', 'local_only']),
  delivered: z.number().describe('events since the runtime started'),
  waiting: z.number().describe('events that it is still to be told'),
  missed: z.number().describe('events that it will not be told; the journal has them (sink_gap)'),
  last_gap: z.object({ from: z.number(), to: z.number(), count: z.number(), why: z.string() }).optional(),
  trouble: z.string().optional(),
  next_try: z.string().optional(),
});

export function sinkOf({ last_gap, trouble, next_try, ...facts }: SinkView): z.infer<typeof Sink> {
  return {
    ...facts,
    ...(last_gap && { last_gap: { ...last_gap, why: plainLine(last_gap.why) } }),
    ...(trouble !== undefined && { trouble: plainLine(trouble) }),
    ...(next_try !== undefined && { next_try: new Date(next_try).toISOString() }),
  };
}
