import type { ProjectId } from './model/ids.ts';
import { plainLine } from './model/plain-text.ts';
import type { ProfileView, SessionRequest, SessionView } from './model/session.ts';
import type { Need } from './yard.ts';

export interface SessionNeedsView {
  /** As the desk lists them. */
  readonly sessions: readonly SessionView[];
  readonly profiles: readonly ProfileView[];
  readonly projectName: (id: ProjectId) => string;
  readonly now: number;
  /** An agent at work that showed no sign for so long needs a look. */
  readonly stalledAfter: number;
}

const PER_KIND = 20;
const MAX_INPUT = 300; // characters: enough to decide on most; list_sessions has more
const MAX_QUESTIONS = 4;
const MAX_OPTIONS = 8;

/** What sessions and accounts want of a person: answers first, then accounts, then what only looks wrong. */
export function sessionNeeds(view: SessionNeedsView): Need[] {
  const { sessions } = view;
  const kinds: readonly Need[][] = [
    requestNeeds(view),
    sessions
      .filter(({ state, requests }) => state === 'blocked' && requests.length === 0)
      .map((one) => blockedNeed(one, view)),
    pausedNeeds(view),
    sessions.filter((one) => isStalled(one, view)).map((one) => stalledNeed(one, view)),
    sessions.filter(({ state }) => state === 'unknown').map((one) => unknownNeed(one, view)),
    sessions.filter(({ state, kind }) => state === 'foreign' && kind !== 'unmanaged').map(foreignNeed),
    sessions.filter(({ state }) => state === 'cooling').map((one) => coolingNeed(one, view)),
  ];
  return kinds.flatMap((needs) => needs.slice(0, PER_KIND));
}

/** The call that answers a request, as a client can copy it; its answers are to be filled in. */
export function answerCall({ id, kind, questions = [] }: SessionRequest): string {
  const request = `request_id: ${JSON.stringify(id)}`;
  if (kind === 'permission')
    return `answer_request {${request}, decision: "allow"}, or answer_request {${request}, decision: "deny", reason: "…"}`;
  const answers = questions
    .slice(0, MAX_QUESTIONS)
    .map(({ question }) => `${JSON.stringify(plainLine(question))}: "…"`);
  return `answer_request {${request}, answers: {${answers.join(', ')}}}`;
}

function requestNeeds({ sessions, projectName }: SessionNeedsView): Need[] {
  const asked = sessions.flatMap(({ requests }) => requests);
  return [...asked]
    .sort((a, b) => a.asked_at - b.asked_at)
    .map((request) => ({
      what: `the agent of ${request.task.id} ${asks(request)}`,
      where: `${projectName(request.task.project)}/${request.task.id} in session ${request.session}`,
      next: answerCall(request),
    }));
}

function asks({ kind, tool, input, questions = [] }: SessionRequest): string {
  if (kind === 'permission') return `asks to use ${plainLine(tool)}: ${short(input, MAX_INPUT)}`;
  const each = questions.slice(0, MAX_QUESTIONS).map(({ question, options, multiple }) => {
    const labels = options.slice(0, MAX_OPTIONS).map(({ label }) => short(label, 80));
    const choose = labels.length === 0 ? '' : ` (${multiple ? 'any of' : 'one of'}: ${labels.join(' | ')})`;
    return `${short(question, MAX_INPUT)}${choose}`;
  });
  return `asks: ${each.join('; ') || short(input, MAX_INPUT)}`;
}

function blockedNeed(session: SessionView, view: SessionNeedsView): Need {
  const { name, until } = session;
  const attach = lookAt(session);
  const again = until === undefined ? '' : ` until ${iso(until)}`;
  switch (session.blocked_on ?? 'dialog') {
    case 'login':
      return need(
        session,
        view,
        'needs a login for its account',
        `${attach}, or log in with the agent itself and yardmaster profiles resume`,
      );
    case 'limit':
      return need(
        session,
        view,
        `has met a limit of its account${again}`,
        'it goes on by itself; another account helps: yardmaster profiles list',
      );
    case 'interrupted':
      return need(
        session,
        view,
        'was interrupted and waits for the next word',
        `message_session {name: ${JSON.stringify(name)}, text: "…"}, or ${attach}`,
      );
    case 'permission':
    case 'question':
    case 'dialog':
      return need(session, view, 'waits at a dialog that only an attached person can answer', attach);
  }
}

/** Accounts that rest until a person does something, and agents whose accounts all rest. */
function pausedNeeds({ profiles, now }: SessionNeedsView): Need[] {
  const agents = [...new Set(profiles.map(({ agent }) => agent))];
  const none = agents.flatMap((agent) => {
    const all = profiles.filter((one) => one.agent === agent);
    return all.every(({ state }) => state === 'paused') ? [allPaused(agent, all, now)] : [];
  });
  const some = profiles.filter(({ state, until, agent }) => {
    const all = profiles.filter((one) => one.agent === agent);
    return state === 'paused' && until === undefined && all.some((one) => one.state !== 'paused');
  });
  return [
    ...none,
    ...some.map(({ agent, name, reason }) => ({
      what: `profile ${name} of ${agent} is paused: ${plainLine(reason ?? 'no reason given')}`,
      where: `${agent}/${name}`,
      next: `yardmaster profiles resume ${agent} ${name}, when that is mended`,
    })),
  ];
}

function allPaused(agent: string, all: readonly ProfileView[], now: number): Need {
  const ends = all.flatMap(({ until }) => (until !== undefined && until > now ? [until] : []));
  const reasons = all.map(({ name, reason }) => `${name}: ${plainLine(reason ?? 'paused')}`).join('; ');
  const end = ends.length === 0 ? 'until a person resumes one' : `until ${iso(Math.min(...ends))}`;
  return {
    what: `all profiles of ${agent} are paused ${end}, its tasks wait (${reasons})`,
    where: agent,
    next:
      ends.length === 0
        ? 'mend the account, then yardmaster profiles resume'
        : 'nothing, or add a profile; yardmaster profiles list',
  };
}

function isStalled(
  { state, evidence, requests, next, managed }: SessionView,
  { now, stalledAfter }: SessionNeedsView,
): boolean {
  if (!managed || requests.length > 0 || (state !== 'working' && state !== 'starting')) return false;
  return next !== undefined || (evidence !== undefined && now - evidence.at > stalledAfter);
}

/** What a person runs to see it. */
function lookAt({ name, kind }: SessionView): string {
  return kind === 'headless' ? `yardmaster logs -f ${name}` : `yardmaster attach ${name}`;
}

function stalledNeed(session: SessionView, view: SessionNeedsView): Need {
  const { name, evidence } = session;
  const quiet = evidence === undefined ? 'shows no sign' : `has shown no sign for ${minutes(view.now - evidence.at)}`;
  return need(
    session,
    view,
    quiet,
    `read_session {name: ${JSON.stringify(name)}}, then ${lookAt(session)} or yardmaster interrupt ${name}`,
  );
}

function unknownNeed(session: SessionView, view: SessionNeedsView): Need {
  return need(session, view, 'is in a state that is not known', `yardmaster attach ${session.name}`);
}

function foreignNeed({ name, detail }: SessionView): Need {
  return {
    what: `tmux has a session ${name} that is not ours, so it is not used${detail === undefined ? '' : `: ${short(detail, MAX_INPUT)}`}`,
    where: name,
    next: `yardmaster adopt ${name} takes it; or rename it in tmux`,
  };
}

function coolingNeed(session: SessionView, view: SessionNeedsView): Need {
  const until = session.until === undefined ? '' : ` until ${iso(session.until)}`;
  return need(
    session,
    view,
    `rests${until}, no agent could be started in it`,
    'it is tried again by itself; yardmaster doctor',
  );
}

/** What is known of the session itself beats what its state says in general. */
function need(
  { name, task, detail, next }: SessionView,
  { projectName }: SessionNeedsView,
  what: string,
  otherwise: string,
): Need {
  const more = detail === undefined ? '' : `: ${short(detail, MAX_INPUT)}`;
  const where = task === undefined ? name : `${projectName(task.ref.project)}/${task.ref.id} in session ${name}`;
  return { what: `session ${name} ${what}${more}`, where, next: next === undefined ? otherwise : plainLine(next) };
}

function short(text: string, limit: number): string {
  const line = plainLine(text);
  return line.length > limit ? `${line.slice(0, limit)}… (more: list_sessions)` : line;
}

function minutes(ms: number): string {
  return ms < 120_000 ? `${Math.round(ms / 1_000)} s` : `${Math.floor(ms / 60_000)} min`;
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
