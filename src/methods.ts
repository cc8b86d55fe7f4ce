import type { YardMethod } from './assembly.ts';
import { audit } from './methods/audit.ts';
import { completions } from './methods/complete.ts';
import { exportPage } from './methods/export.ts';
import { endOrphans, orphans } from './methods/orphans.ts';
import { quota, restoreQuota, setQuota } from './methods/quota.ts';
import * as sessions from './methods/sessions.ts';
import * as worktrees from './methods/worktrees.ts';
import { keyOf, TaskId } from './runtime/model/ids.ts';
import { isRefusal, refuse } from './runtime/model/refusal.ts';
import { RUN_STREAMS, type Yard } from './runtime/yard.ts';
import { findTask, isFinished, refOf } from './tools/find-task.ts';

const LIST = 'list_tasks shows what there is';

/** `yardmaster/…` requests of the command line, beside the tools: the owner's alone. */
export const methods: Readonly<Record<string, YardMethod>> = {
  'yardmaster/events': async (yard, { after, limit }) => ({
    records: await yard.events({
      limit: Math.min(Number(limit) || 20, 1_000),
      ...(typeof after === 'number' && { after }),
    }),
  }),
  'yardmaster/audit': audit,
  'yardmaster/scan': async (yard, { project, take_over }) => {
    const cause = { by: take_over === true ? ('import' as const) : ('owner' as const) };
    const found = await yard.project(String(project), { adopt: true, cause });
    return isRefusal(found) ? found : yard.scan(found.id, { takeOver: take_over === true, cause });
  },
  'yardmaster/complete': completions,
  'yardmaster/delegated': async (yard) => yard.delegated(),
  'yardmaster/export': exportPage,
  'yardmaster/orphans': orphans,
  'yardmaster/orphans_end': endOrphans,
  'yardmaster/prune': async (yard, { dry }) => yard.prune({ dry: dry === true }),
  'yardmaster/quota': quota,
  'yardmaster/quota_set': setQuota,
  'yardmaster/quota_restore': restoreQuota,
  'yardmaster/retention': async (yard) => yard.retention(),
  'yardmaster/reload': async (yard) => yard.reload(),
  'yardmaster/which': sessions.which,
  'yardmaster/request': sessions.request,
  'yardmaster/attach': sessions.attach,
  'yardmaster/interrupt': sessions.interrupt,
  'yardmaster/adopt': sessions.adopt,
  'yardmaster/profiles': sessions.profiles,
  'yardmaster/profile': sessions.profile,
  'yardmaster/worktrees': worktrees.list,
  'yardmaster/clean_worktrees': worktrees.clean,
  'yardmaster/run_log': async (yard, params) => runLog(yard, params),
};

async function runLog(
  yard: Yard,
  { project, id, attempt, stream, offset }: Readonly<Record<string, unknown>>,
): Promise<unknown> {
  const named = TaskId.safeParse(id);
  if (!named.success) return refuse('invalid', `"${String(id).slice(0, 100)}" is no task id`, LIST);
  const of = typeof project === 'string' ? { project } : {};
  const task = await findTask({ yard, caller: { principal: 'owner', name: 'owner' } }, { id: named.data, ...of });
  if (isRefusal(task)) return task;
  const newest = isFinished(task) ? task.attempts : task.attempt;
  const number = typeof attempt === 'number' ? attempt : newest;
  const page = await yard.readRunPage(refOf(task), number, {
    stream: RUN_STREAMS.find((known) => known === stream) ?? 'stdout',
    offset: Number(offset) || 0,
  });
  const ended = !yard.store.open().has(keyOf(task)) || number < newest;
  return { ...page, ended };
}
