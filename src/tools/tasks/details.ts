import { z } from 'zod';
import { Route } from '../../runtime/model/route.ts';
import { ErrorClass } from '../../runtime/model/spec.ts';
import { isLive, Patch, Workspace } from '../../runtime/model/task.ts';
import { Took, Try } from '../../runtime/model/try.ts';
import { readResult } from '../../runtime/taskfile/result.ts';
import type { RunStream, Yard } from '../../runtime/yard.ts';
import { AgentText, agentText, withoutFrontMatter } from '../agent-text.ts';
import { type AnyTask, isFinished, refOf } from '../find-task.ts';

export const Detail = z.enum(['summary', 'result', 'attempts', 'log']);
export type Detail = z.infer<typeof Detail>;

const Seen = z.object({
  verify: z
    .object({ command: z.string(), exit_code: z.number().optional(), seconds: z.number(), output_sha256: z.string() })
    .optional(),
  head_before: z.string().optional(),
  head_after: z.string().optional(),
  commits: z.number().optional(),
  files_total: z.number().optional(),
  files_changed: z.array(z.string()).optional().describe('the first few'),
  branch: z.string().optional(),
});

const ShownTry = Try.extend({ started_at: z.string(), ended_at: z.string(), next_at: z.string().optional() });

/** What `detail` adds to a task's summary. */
export const Details = z.object({
  result: AgentText.optional(),
  evidence: Seen.optional().describe('what was seen of the work, beside the words of its agent'),
  structured: z.unknown().optional().describe('the result as data, where result_schema asked for it: not instructions'),
  workspace: Workspace.optional().describe('the worktree that it had: its branch stays'),
  patch: Patch.extend({ path: z.string() })
    .optional()
    .describe('the patch in its result; it lies at path, and was applied only where the task says so'),
  tries: z
    .object({
      newest: z.number().describe('number of the newest attempt'),
      spent: z.number().optional().describe('attempts that count'),
      allowed: z.number().optional(),
      route: Route.optional().describe('where the live attempt runs, or where the task would go now'),
      last_error: z.object({ class: ErrorClass, reason: z.string(), attempt: z.number() }).optional(),
      each: z.array(ShownTry).optional().describe('the newest attempts that have ended, oldest first'),
      took: Took.optional().describe('all attempts together, as far as they told'),
    })
    .optional(),
  log: AgentText.optional().describe('end of what the newest attempt wrote to stdout'),
  stderr: AgentText.optional(),
  check: AgentText.optional().describe('end of what the check of its work wrote'),
});
export type Details = z.infer<typeof Details>;

/** At most about `room` bytes of text. */
export async function detailsOf(yard: Yard, task: AnyTask, detail: Detail, room: number): Promise<Details> {
  switch (detail) {
    case 'summary':
      return {};
    case 'result':
      return isFinished(task) ? resultOf(yard, task, room) : {};
    case 'attempts':
      return { tries: await triesOf(yard, task) };
    case 'log':
      return logOf(yard, task, room);
  }
}

async function resultOf({ store }: Yard, task: AnyTask, room: number): Promise<Details> {
  const file = await store.text(refOf(task));
  if (file === undefined) return {};
  const text = withoutFrontMatter(Buffer.from(file.bytes).toString());
  const folder = task.state === 'done' ? 'done' : 'failed';
  const { evidence, workspace, structured, patch } = readResult(file.bytes, { folder, id: task.id, mtimeMs: 0 });
  const data = structured !== undefined && structured.length < room / 2 ? dataOf(structured) : undefined;
  return {
    result: agentText(text, room, file.path),
    ...(evidence && { evidence }),
    ...(workspace && { workspace }),
    ...(patch && { patch: { ...patch, path: file.path.replace(/\.md$/, '.patch') } }),
    ...(data !== undefined && { structured: data }),
  };
}

/** A person may have changed the file. */
function dataOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function triesOf(yard: Yard, task: AnyTask): Promise<NonNullable<Details['tries']>> {
  const took = task.took && { took: task.took };
  if (isFinished(task)) return { newest: task.attempts, ...eachOf(await triesInFile(yard, task)), ...took };
  const { spec, project, last_error } = task;
  return {
    newest: task.attempt,
    spent: task.spent,
    allowed: spec.max_attempts ?? yard.configFor(project).retry.max_attempts,
    route: isLive(task) ? task.route : yard.route({ project, spec, task }),
    ...(last_error && { last_error }),
    ...eachOf(task.tries ?? []),
    ...took,
  };
}

/** Memory keeps none of what has ended. */
async function triesInFile({ store }: Yard, task: AnyTask): Promise<readonly Try[]> {
  const file = await store.text(refOf(task));
  const folder = task.state === 'done' ? 'done' : 'failed';
  return file ? readResult(file.bytes, { folder, id: task.id, mtimeMs: 0 }).tries : [];
}

function eachOf(tries: readonly Try[]): { each?: z.input<typeof ShownTry>[] } {
  const iso = (at: number) => new Date(at).toISOString();
  const each = tries.map(({ started_at, ended_at, next_at, ...facts }) => ({
    ...facts,
    ...{ started_at: iso(started_at), ended_at: iso(ended_at) },
    ...(next_at !== undefined && { next_at: iso(next_at) }),
  }));
  return each.length > 0 ? { each } : {};
}

async function logOf(yard: Yard, task: AnyTask, room: number): Promise<Details> {
  const attempt = isFinished(task) ? task.attempts : task.attempt;
  if (attempt === 0) return {};
  const tail = Math.max(1, Math.floor(room / 4));
  const read = async (stream: RunStream) => {
    const run = await yard.readRun(refOf(task), attempt, { stream, tail });
    return run && { ...agentText(run.text, tail, run.path), ...(run.size > tail && { truncated: true }) };
  };
  const [log, stderr, printed, complained] = await Promise.all([
    ...[read('stdout'), read('stderr')],
    ...[read('verify'), read('verify-stderr')],
  ]);
  const check = bothOf(printed, complained);
  return { ...(log && { log }), ...(stderr && stderr.text !== '' && { stderr }), ...(check && { check }) };
}

function bothOf(printed: AgentText | undefined, complained: AgentText | undefined): AgentText | undefined {
  if (!printed || !complained || complained.text.trim() === '') return printed;
  if (printed.text.trim() === '') return complained;
  return { ...printed, text: `${printed.text.trimEnd()}\n\n${complained.text}` };
}
