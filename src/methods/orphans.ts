import { z } from 'zod';
import { type Refusal, refuse } from '../runtime/model/refusal.ts';
import type { Orphan, Yard } from '../runtime/yard.ts';

/* Processes of attempts that are over, for a person to look at and to end. */

type Params = Readonly<Record<string, unknown>>;

const Those = z.array(z.object({ pid: z.number().int().min(2), start: z.string() })).min(1);

/** `seen: false`: this system does not tell. */
export async function orphans(yard: Yard): Promise<{ seen: boolean; orphans: object[] }> {
  const found = await yard.orphans();
  return { seen: found !== undefined, orphans: (found ?? []).map(shown) };
}

/** Named by number and start, as they were listed: another process that has the number by now is left alone. */
export async function endOrphans(
  yard: Yard,
  { those }: Params,
): Promise<{ ended: object[]; left: number[] } | Refusal> {
  const asked = Those.safeParse(those);
  if (!asked.success)
    return refuse('invalid', 'those: not a list of {pid, start}', 'yardmaster orphans --json shows them');
  const ended = await yard.endOrphans(asked.data);
  const left = asked.data.filter(({ pid }) => !ended.some((one) => one.pid === pid)).map(({ pid }) => pid);
  return { ended: ended.map(shown), left };
}

function shown({ begun_at, ...orphan }: Orphan): object {
  return { ...orphan, begun_at: new Date(begun_at).toISOString() };
}
