import { TaskId } from '../runtime/model/ids.ts';
import { isRefusal, type Refusal, refuse } from '../runtime/model/refusal.ts';
import type { ProfileView, SessionRequest, SessionView } from '../runtime/model/session.ts';
import type { SessionName } from '../runtime/session-desk.ts';
import type { Yard } from '../runtime/yard.ts';
import { findTask, isFinished, refOf } from '../tools/find-task.ts';
import { profileOf } from '../tools/profile.ts';
import { requestOf } from '../tools/sessions/request.ts';
import { sessionOf } from '../tools/sessions/session.ts';

/*
 * What a person does with sessions and accounts beside the tools. A session is meant by its own name, or by the task that
 * it works on: a task stays what was meant even where another session has taken it meanwhile.
 */

type Params = Readonly<Record<string, unknown>>;

const OWNER = { principal: 'owner', name: 'owner' } as const;
const CAUSE = { by: 'owner' } as const;
const MAX_NAMED = 20;

/** `{name}` or `{id, project}`, as the tools take it. */
export async function which(yard: Yard, params: Params): Promise<object | Refusal> {
  const meant = await meantBy(yard, params);
  if (isRefusal(meant) || 'name' in meant) return meant;
  return { id: meant.task.id, project: yard.projectName(meant.task.project) };
}

/** The one open request that is meant: by its id, by its session, or by its task. */
export async function request(yard: Yard, params: Params): Promise<object | Refusal> {
  const given = String(params.which ?? '');
  const open = yard.sessions.requests();
  const byId = open.find(({ id }) => id === given);
  if (byId) return shown(yard, byId, true);
  const meant = await meantBy(yard, params);
  if (isRefusal(meant)) return noRequest(given, open);
  const session = yard.sessions.find(meant);
  const asked = isRefusal(session) ? [] : session.requests;
  const [only] = asked;
  if (only === undefined) return noRequest(given, open);
  if (asked.length === 1) return shown(yard, only, false);
  return refuse('invalid', `${given} asks ${asked.length} things`, `name one: ${asked.map(({ id }) => id).join(', ')}`);
}

function shown(yard: Yard, request: SessionRequest, by_id: boolean): object {
  const { session, task } = request;
  return { ...requestOf(request), session, task: { id: task.id, project: yard.projectName(task.project) }, by_id };
}

function noRequest(given: string, open: readonly SessionRequest[]): Refusal {
  const ids = open.slice(0, MAX_NAMED).map(({ id, session }) => `${id} (${session})`);
  return refuse(
    'not_found',
    `nothing that is open is named "${given.slice(0, 100)}": it was answered, has expired, or never was`,
    ids.length === 0 ? 'no agent waits for an answer' : `open: ${ids.join(', ')}`,
  );
}

export async function attach(yard: Yard, params: Params): Promise<object | Refusal> {
  const meant = await meantBy(yard, params);
  return isRefusal(meant) ? meant : yard.sessions.attach(meant);
}

export async function interrupt(yard: Yard, params: Params): Promise<object | Refusal> {
  const meant = await meantBy(yard, params);
  return isRefusal(meant) ? meant : told(yard, await yard.sessions.interrupt(meant, CAUSE));
}

export async function adopt(yard: Yard, { name }: Params): Promise<object | Refusal> {
  return told(yard, await yard.sessions.adopt(String(name), CAUSE));
}

function told(yard: Yard, view: SessionView | Refusal): object | Refusal {
  return isRefusal(view) ? view : sessionOf({ yard, caller: OWNER }, view);
}

export async function profiles(yard: Yard): Promise<object> {
  return { profiles: yard.sessions.profiles().map(account) };
}

/** Pauses, resumes or prefers one account. */
export async function profile(yard: Yard, { act, agent, name, until, reason }: Params): Promise<object | Refusal> {
  const view = await changed(yard, String(act), String(agent), String(name), {
    reason: typeof reason === 'string' && reason !== '' ? reason : 'paused by a person',
    ...(typeof until === 'number' && { until }),
  });
  return isRefusal(view) ? view : account(view);
}

async function changed(
  { sessions }: Yard,
  act: string,
  agent: string,
  name: string,
  options: { readonly reason: string; readonly until?: number },
): Promise<ProfileView | Refusal> {
  switch (act) {
    case 'pause':
      return sessions.pauseProfile(agent, name, options, CAUSE);
    case 'resume':
      return sessions.resumeProfile(agent, name, CAUSE);
    case 'use':
      return sessions.useProfile(agent, name, CAUSE);
    default:
      return refuse('invalid', `"${act.slice(0, 40)}" is nothing to do with a profile`, 'allowed: pause, resume, use');
  }
}

function account(view: ProfileView): object {
  return { ...profileOf(view), ...(view.config_dir !== undefined && { config_dir: view.config_dir }) };
}

async function meantBy(yard: Yard, { which: given, id, project }: Params): Promise<SessionName | Refusal> {
  const name = String(given ?? '');
  if (!isRefusal(yard.sessions.find({ name }))) return { name };
  if (yard.slots().some((slot) => slot.name === name)) return { name }; // what asks says why not
  const task = TaskId.safeParse(id);
  const of = typeof project === 'string' ? { project } : {};
  const found = task.success ? await findTask({ yard, caller: OWNER }, { id: task.data, ...of }) : undefined;
  if (found === undefined || (isRefusal(found) && found.code === 'not_found')) return nothing(yard, name);
  if (isRefusal(found)) return found;
  if (!isFinished(found)) return { task: refOf(found) };
  return refuse('not_possible', `task ${found.id} is ${found.state}: no session works on it`, 'list_sessions');
}

function nothing(yard: Yard, name: string): Refusal {
  const names = yard.sessions
    .list()
    .slice(0, MAX_NAMED)
    .map((one) => one.name);
  return refuse(
    'not_found',
    `there is no session or task "${name.slice(0, 100)}"`,
    names.length > 0 ? `sessions: ${names.join(', ')}` : 'there are no sessions: configure pool in yardmaster.yaml',
  );
}
