import { keyOf, type ProjectId } from './model/ids.ts';
import type { Undelivered } from './model/outgoing.ts';
import type { FinishedTask, OpenTask } from './model/task.ts';
import type { Need } from './yard.ts';

export interface NeedsView {
  readonly open: ReadonlyMap<string, OpenTask>;
  readonly recentlyFailed: Iterable<FinishedTask>;
  /** Why no configured agent can ever take a task. */
  readonly hopeless: (task: OpenTask) => string | undefined;
  /** What it waits for that was spent and comes back by itself. */
  readonly spent: (task: OpenTask) => string | undefined;
  readonly projectName: (id: ProjectId) => string;
  readonly offline: ReadonlyMap<string, string>;
  readonly heldDrops: readonly { project: string; count: number }[];
  /** Known projects whose queue could not be taken up. */
  readonly refused: readonly { path: string; message: string; hint: string }[];
  readonly troubles: readonly { key: string; message: string }[];
  /** What is wrong with the configuration that was read last; an earlier one is in force. */
  readonly wrongConfig: readonly { file: string; says: string }[];
  /** What was given up telling the outside. */
  readonly undelivered: readonly Undelivered[];
  /** Keys of the configuration that count only from the next start on. */
  readonly awaitingRestart: readonly string[];
}

const LOOKED_AT = 20_000; // of a longer queue the oldest ones speak for the rest
const PER_KIND = 20; // a list for a person, not a dump

/** What a person should look at, most urgent first: what blocks work, then what has failed, then what waits for a word. */
export function needsOf(view: NeedsView): Need[] {
  return [
    ...view.troubles.slice(0, PER_KIND).map(({ key, message }) => ({
      what: `files of ${key} can't be written: ${message}`,
      where: key,
      next: 'mend the folder (space, rights, a vanished disk); it is tried again by itself',
    })),
    ...view.wrongConfig.slice(0, PER_KIND).map(({ file, says }) => ({
      what: `the configuration is wrong, the last good one stays in force: ${says}`,
      where: file,
      next: 'mend the file, it is read again by itself; yardmaster config check',
    })),
    ...[...view.offline].map(([agent, reason]) => ({
      what: `agent ${agent} can't be started: ${reason}`,
      where: agent,
      next: 'yardmaster doctor; mend agents in yardmaster.yaml',
    })),
    ...view.refused.slice(0, PER_KIND).map(({ path, message, hint }) => ({ what: message, where: path, next: hint })),
    ...openNeeds(view),
    ...(view.awaitingRestart.length === 0 ? [] : [restartNeed(view.awaitingRestart)]),
    ...view.heldDrops.map(({ project, count }) => ({
      what: `${count} ${count === 1 ? 'file' : 'files'} lay in the inbox of ${project} before its first use and wait`,
      where: project,
      next: `yardmaster import ${project}`,
    })),
    ...undeliveredNeeds(view),
    ...failedNeeds(view),
  ];
}

function restartNeed(keys: readonly string[]): Need {
  return {
    what: `changed in the configuration, and in force only after a restart: ${keys.join(', ')}`,
    where: 'yardmaster.yaml',
    next: 'yardmaster stop, then yardmaster start; what runs goes on',
  };
}

function openNeeds(view: NeedsView): Need[] {
  const needs: Need[] = [];
  const hopeless = new Alike();
  const spent = new Alike();
  const vain = new Alike();
  let looked = 0;
  for (const task of view.open.values()) {
    if (needs.length >= PER_KIND || looked++ >= LOOKED_AT) break;
    const where = `${view.projectName(task.project)}/${task.id}`;
    const name = naming(view, task);
    if (task.state === 'unknown') {
      needs.push({
        what: `task ${task.id}: ${task.detail}`,
        where,
        next: `retry_task ${name} runs it, cancel_task ${name} ends it`,
      });
      continue;
    }
    if (task.state !== 'queued') continue;
    const absent = task.waits_for.filter((id) => !view.open.has(keyOf({ project: task.project, id })));
    if (absent.length > 0) {
      needs.push({
        what: `task ${task.id} waits for ${absent.join(', ')}: ${absent.length === 1 ? 'no such task is' : 'no such tasks are'} open here`,
        where,
        next: `enqueue what it waits for under that id, or cancel_task ${name}`,
      });
      continue;
    }
    vain.add(inVain(task), task);
    const never = view.hopeless(task);
    hopeless.add(never, task);
    if (never === undefined) spent.add(view.spent(task), task);
  }
  return [
    ...needs,
    ...[...hopeless.by].map(([why, { first, count }]) => hopelessNeed(view, why, first, count)),
    ...[...vain.by].slice(0, PER_KIND).map(([why, { first, count }]) => vainNeed(view, why, first, count)),
    ...[...spent.by].slice(0, PER_KIND).map(([what, { count }]) => spentNeed(what, count)),
  ];
}

/** Tasks by what they have in common: the first, and how many. */
class Alike {
  readonly by = new Map<string, { readonly first: OpenTask; count: number }>();

  add(what: string | undefined, task: OpenTask): void {
    if (what === undefined) return;
    const known = this.by.get(what);
    if (known) known.count += 1;
    else this.by.set(what, { first: task, count: 1 });
  }
}

const OFTEN = 5; // attempts in a row that cost none: once or twice is what retrying is for

/** It could go on like this for ever. */
function inVain({ in_vain, last_error }: OpenTask): string | undefined {
  if (in_vain === undefined || in_vain.count < OFTEN) return undefined;
  return `${in_vain.class}: ${last_error?.reason ?? ''}`;
}

function vainNeed(view: NeedsView, why: string, first: OpenTask, count: number): Need {
  const name = `${view.projectName(first.project)}/${first.id}`;
  const since = new Date(first.in_vain?.since ?? 0).toISOString();
  const others = count > 1 ? ` and ${count - 1} more` : '';
  const end = `retry.classes.${first.in_vain?.class}.give_up in yardmaster.yaml ends such tasks`;
  return {
    what: `task ${first.id}${others}: ${first.in_vain?.count} attempts in a row since ${since} ended so and cost none: ${why}`,
    where: name,
    next: `it goes on by itself; see to the account, retry_task ${naming(view, first)} with another agent, or cancel_task; ${end}`,
  };
}

function spentNeed(what: string, count: number): Need {
  return {
    what: `${count} ${count === 1 ? 'task waits' : 'tasks wait'} for allowance: ${what}`,
    where: 'allowance',
    next: 'nothing has to be done, they begin by themselves then; to let them begin now: yardmaster quota shows it, yardmaster quota set … --reason … raises it',
  };
}

/** One line for one cause, however many tasks wait for it. */
function hopelessNeed(view: NeedsView, why: string, first: OpenTask, count: number): Need {
  const others = count > 1 ? ` and ${count - 1} more` : '';
  return {
    what: `no agent can ever take task ${first.id}${others}: ${why}`,
    where: `${view.projectName(first.project)}/${first.id}`,
    next: `configure an agent that fits, start the worker that it is meant for, or cancel_task ${naming(view, first)}`,
  };
}

/** Its end stands as it is; only those who wait to be told of it are not. */
function undeliveredNeeds(view: NeedsView): Need[] {
  return view.undelivered
    .slice(-PER_KIND)
    .reverse()
    .map(({ ref, what, detail }) => ({
      what: `the ${what} of task ${ref.id} was given up: ${detail}`,
      where: `${view.projectName(ref.project)}/${ref.id}`,
      next: `job_status ${naming(view, ref, ', detail: "result"')} has what it would have said; tell its receiver`,
    }));
}

function failedNeeds(view: NeedsView): Need[] {
  const failed = [...view.recentlyFailed].filter((task) => task.state === 'failed' && task.retried_as === undefined);
  return failed
    .slice(-PER_KIND)
    .reverse()
    .map((task) => ({
      what: `task ${task.id} failed (${task.error_class ?? 'unknown'}): ${task.reason ?? ''}`,
      where: `${view.projectName(task.project)}/${task.id}`,
      next:
        task.error_class === 'unconfirmed'
          ? `look for it at its provider first: retry_task ${naming(view, task)} may do it a second time`
          : `job_status ${naming(view, task, ', detail: "result"')} says what was tried and what is left, then retry_task ${naming(view, task)}`,
    }));
}

/** How a tool is told which task is meant. */
function naming(view: NeedsView, { project, id }: Pick<OpenTask, 'project' | 'id'>, more = ''): string {
  return `{id: ${JSON.stringify(id)}, project: ${JSON.stringify(view.projectName(project))}${more}}`;
}
