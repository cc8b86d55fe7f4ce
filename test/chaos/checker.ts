import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Talk } from './client.ts';
import type { Deed, Ledger, UpstreamJob } from './ledger.ts';

/*
 * Whether the laws of the design held, told by one who knows only the files, the MCP surface and the ledger of what
 * really happened. It is to be asked when everything has ended; it answers with what is wrong, or with nothing.
 */

export interface Scene {
  readonly projects: readonly string[];
  queue(project: string, ...below: string[]): string;
  readonly ledger: Ledger;
  /** Processes of agents that are there now. */
  agents(): readonly number[];
  /** The most attempts that a task may have. */
  readonly maxAttempts: number;
}

interface Task {
  readonly id: string;
  readonly project: string;
  readonly state: string;
  readonly title: string;
  readonly attempts: number;
}

/** Everything that can be known, read once. */
interface Found {
  readonly scene: Scene;
  readonly tasks: readonly Task[];
  readonly deeds: readonly Deed[];
  readonly runs: ReadonlyMap<string, Runs>;
}

/** What the agents wrote about one task, in the order in which it happened. */
interface Runs {
  readonly starts: number[];
  /** The attempt that came to its end first. */
  ended: number | undefined;
  startedAfterEnd: boolean;
  overlapped: boolean;
}

const ENDED = ['done', 'failed', 'cancelled'];

export async function check(scene: Scene, talk: Talk): Promise<string[]> {
  const fleet = await talk.ask('fleet_status');
  const found = { scene, tasks: await allTasks(talk), deeds: scene.ledger.deeds(), runs: runsOf(scene.ledger) };
  return [
    ...(fleet.converged === true ? [] : ['fleet_status says that it has not converged']),
    ...oneStateEach(found),
    ...oneFileEach(found),
    ...nothingLost(found),
    ...dropsKept(found),
    ...attemptsInOrder(found),
    ...firstFinishStands(found),
    ...cancelsHeld(found),
    ...oneJobPerAttempt(found),
    ...nothingLeft(scene),
  ];
}

/** Laws 1 and 3: one state for each task, a terminal one, and the one that was seen first. */
function oneStateEach({ tasks, deeds }: Found): string[] {
  const listed = new Set<string>();
  const twice = tasks.filter((task) => listed.size === listed.add(nameOf(task)).size);
  const states = new Map(tasks.map((task) => [nameOf(task), task.state]));
  return [
    ...twice.map((task) => `${nameOf(task)} is listed twice`),
    ...tasks.filter(({ state }) => !ENDED.includes(state)).map((task) => `${nameOf(task)} is still ${task.state}`),
    ...deeds.flatMap((deed) => {
      const state = states.get(nameOf(deed));
      if (deed.did !== 'see ended' || deed.state === state) return [];
      return [`${nameOf(deed)} was ${deed.state} and is now ${state}`];
    }),
  ];
}

/** Law 1: on disk each task is in one folder, and the right one. */
function oneFileEach({ scene, tasks }: Found): string[] {
  return tasks.flatMap(({ project, id, state }) => {
    const places = ['inbox', 'done', 'failed'].filter((folder) => existsSync(scene.queue(project, folder, `${id}.md`)));
    const expected = state === 'done' ? 'done' : 'failed';
    if (!ENDED.includes(state) || (places.length === 1 && places[0] === expected)) return [];
    return [`${project}/${id} is ${state} and on disk in ${places.join(' and ') || 'no folder'}`];
  });
}

/** Law 1: what was acknowledged is there, once. */
function nothingLost({ tasks, deeds }: Found): string[] {
  return deeds.flatMap((deed) => {
    if (deed.did !== 'enqueue') return [];
    const named = tasks.filter((task) => nameOf(task) === nameOf(deed));
    const alike = tasks.filter(({ title }) => title === deed.title);
    return [
      ...(named.length === 0 ? [`${nameOf(deed)} was acknowledged and is lost`] : []),
      ...(alike.length > 1 ? [`one call made ${alike.map(nameOf).join(' and ')}`] : []),
    ];
  });
}

/** Laws 1 and 6: a drop is a task, or lies in failed/ with its bytes intact behind the reason. */
function dropsKept({ scene, tasks, deeds }: Found): string[] {
  return deeds.flatMap((deed) => {
    if (deed.did !== 'drop') return [];
    const task = tasks.find((one) => nameOf(one) === nameOf(deed));
    const failed = existsSync(scene.queue(deed.project, 'failed', `${deed.id}.md`))
      ? readFileSync(scene.queue(deed.project, 'failed', `${deed.id}.md`))
      : undefined;
    if (deed.valid && !task) return [`the drop ${nameOf(deed)} has become no task`];
    if (!deed.valid && task) return [`the invalid drop ${nameOf(deed)} has become a task`];
    if (!deed.valid && !failed) return [`the invalid drop ${nameOf(deed)} vanished`];
    if (failed && !failed.toString('latin1').endsWith(Buffer.from(deed.text).toString('latin1')))
      return [`failed/ does not hold the bytes of ${nameOf(deed)} as they were dropped`];
    return [];
  });
}

/** Laws 2, 3 and 5: attempts follow one another, are counted, and stop. */
function attemptsInOrder({ scene, runs }: Found): string[] {
  return [...runs].flatMap(([id, { starts, startedAfterEnd, overlapped }]) => [
    ...(overlapped ? [`two attempts of ${id} ran at the same time`] : []),
    ...(startedAfterEnd ? [`${id} was started again after it had ended`] : []),
    ...(starts.some((attempt, i) => i > 0 && attempt <= (starts[i - 1] ?? 0))
      ? [`the attempts of ${id} were started as ${starts.join(', ')}`]
      : []),
    ...(starts.length > scene.maxAttempts ? [`${id} was started ${starts.length} times`] : []),
  ]);
}

/** Law 3: what came to its end first is the result. */
function firstFinishStands({ scene, tasks, deeds, runs }: Found): string[] {
  const asked = new Set(deeds.filter(({ did }) => did === 'ask to cancel').map(nameOf));
  return tasks.flatMap((task) => {
    const ended = runs.get(task.id)?.ended;
    if (ended !== undefined && task.state !== 'done' && !(task.state === 'cancelled' && asked.has(nameOf(task))))
      return [`attempt ${ended} of ${nameOf(task)} came to its end, and the task is ${task.state}`];
    if (task.state === 'cancelled' && !asked.has(nameOf(task)))
      return [`${nameOf(task)} is cancelled and nobody asked for it`];
    const path = scene.queue(task.project, 'done', `${task.id}.md`);
    if (task.state !== 'done' || !existsSync(path)) return [];
    const text = readFileSync(path, 'utf8');
    if (/^provider: /m.test(text)) return [];
    const result = `result of ${task.id}, attempt ${ended}\n`;
    if (ended === undefined) return [`${nameOf(task)} is done and no agent came to its end`];
    if (!text.includes(result) || task.attempts !== ended)
      return [`done/${task.id}.md is not the result of attempt ${ended}`];
    return [];
  });
}

/** A cancel that was answered with `cancelled` is one. */
function cancelsHeld({ tasks, deeds }: Found): string[] {
  const states = new Map(tasks.map((task) => [nameOf(task), task.state]));
  return deeds.flatMap((deed) => {
    if (deed.did !== 'cancel' || deed.state !== 'cancelled' || states.get(nameOf(deed)) === 'cancelled') return [];
    return [`${nameOf(deed)} was answered as cancelled and is ${states.get(nameOf(deed))}`];
  });
}

/** Law 3, upstream: an attempt makes one job. */
function oneJobPerAttempt({ scene, tasks }: Found): string[] {
  const all = scene.ledger.jobs();
  return tasks.flatMap((task) => {
    const jobs = all.filter((job) => taskOf(job) === task.id);
    const keys = new Set(jobs.map(({ key }) => key));
    const path = scene.queue(task.project, 'done', `${task.id}.md`);
    const job = existsSync(path) ? /^job_id: "?([^"\n]+)"?$/m.exec(readFileSync(path, 'utf8'))?.[1] : undefined;
    return [
      ...(jobs.length > keys.size ? [`${nameOf(task)} made ${jobs.length} jobs with ${keys.size} keys`] : []),
      ...(keys.size > task.attempts ? [`${nameOf(task)} made ${keys.size} jobs in ${task.attempts} attempts`] : []),
      ...(job !== undefined && !jobs.some(({ job_id }) => job_id === job)
        ? [`the result of ${nameOf(task)} is from job ${job}, which is not its own`]
        : []),
    ];
  });
}

function taskOf({ prompt }: UpstreamJob): string {
  return /^Task: (.+)\.md$/m.exec(prompt)?.[1] ?? prompt;
}

/** Nothing of a finished task is left: no marker, no temp file, no process. */
function nothingLeft(scene: Scene): string[] {
  const files = scene.projects.flatMap((project) =>
    ['inbox', 'done', 'failed'].flatMap((folder) =>
      readdirSync(scene.queue(project, folder))
        .filter((name) => folder === 'inbox' || !name.endsWith('.md'))
        .map((name) => `${join(project, folder, name)} is left over`),
    ),
  );
  const agents = scene.agents();
  return [...files, ...(agents.length > 0 ? [`processes of agents are left over: ${agents.join(', ')}`] : [])];
}

function runsOf(ledger: Ledger): Map<string, Runs> {
  const all = new Map<string, Runs>();
  for (const { task, attempt, what } of ledger.agents()) {
    const runs = all.get(task) ?? { starts: [], ended: undefined, startedAfterEnd: false, overlapped: false };
    all.set(task, runs);
    if (what === 'start') {
      runs.starts.push(attempt);
      runs.startedAfterEnd ||= runs.ended !== undefined;
    }
    if (what === 'end') runs.ended ??= attempt;
    runs.overlapped ||= what === 'overlap';
  }
  return all;
}

export async function allTasks(talk: Talk): Promise<Task[]> {
  const tasks: Task[] = [];
  for (let cursor: unknown; ; ) {
    const page = await talk.ask('list_tasks', { limit: 100, ...(cursor !== undefined && { cursor }) });
    tasks.push(...(page.tasks as Task[]));
    cursor = page.next_cursor;
    if (cursor === undefined) return tasks;
  }
}

function nameOf({ project, id }: { project: string; id: string }): string {
  return `${project}/${id}`;
}
