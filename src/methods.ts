import type { YardMethod } from './assembly.ts';
import { keyOf, TaskRef } from './runtime/model/ids.ts';
import { isRefusal, refuse } from './runtime/model/refusal.ts';
import type { Yard } from './runtime/yard.ts';

/** `yardmaster/…` requests of the command line, beside the tools: the owner's alone. */
export const methods: Readonly<Record<string, YardMethod>> = {
  'yardmaster/events': async (yard, { after, limit }) => ({
    records: await yard.events({
      limit: Math.min(Number(limit) || 20, 1_000),
      ...(typeof after === 'number' && { after }),
    }),
  }),
  'yardmaster/scan': async (yard, { project, take_over }) => {
    const cause = { by: take_over === true ? ('import' as const) : ('owner' as const) };
    const found = await yard.project(String(project), { adopt: true, cause });
    return isRefusal(found) ? found : yard.scan(found.id, { takeOver: take_over === true, cause });
  },
  'yardmaster/run_log': async (yard, params) => runLog(yard, params),
};

async function runLog(
  yard: Yard,
  { project, id, attempt, stream, offset }: Readonly<Record<string, unknown>>,
): Promise<unknown> {
  const found = await yard.project(String(project), { adopt: false, cause: { by: 'owner' } });
  if (isRefusal(found)) return found;
  const ref = TaskRef.safeParse({ project: found.id, id });
  const task = ref.success ? await yard.store.get(ref.data) : undefined;
  if (!ref.success || !task)
    return refuse(
      'not_found',
      `id: there is no task ${String(id).slice(0, 100)} in ${found.name}`,
      'yardmaster list shows what there is',
    );
  const newest = 'finished_seq' in task ? task.attempts : task.attempt;
  const number = typeof attempt === 'number' ? attempt : newest;
  const page = await yard.readRunPage(ref.data, number, {
    stream: stream === 'stderr' ? 'stderr' : 'stdout',
    offset: Number(offset) || 0,
  });
  const ended = !yard.store.open().has(keyOf(ref.data)) || number < newest;
  return { ...page, ended };
}
