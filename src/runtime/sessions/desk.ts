import type { SessionAgent } from '../agents/agent.ts';
import type { CodingAgentName } from '../model/config.ts';
import { isRefusal, type Refusal, refuse } from '../model/refusal.ts';
import type { ProfileView, SessionRequest, SessionView } from '../model/session.ts';
import type { Cause } from '../model/task.ts';
import type { GivenAnswer } from '../policy/answers.ts';
import type { Clock, Files } from '../ports.ts';
import type { AnsweredRequest, SessionDesk, SessionName, SessionText } from '../session-desk.ts';
import type { Tmux } from '../terminals.ts';
import type { Profiles } from './accounts/profiles.ts';
import type { AttemptView } from './attempts/attempt-ports.ts';
import type { Pool } from './pool/pool.ts';
import type { OpenRequests } from './requests/requests.ts';
import type { Guard } from './typing/guard.ts';
import { interrupt } from './typing/interrupt.ts';
import { message } from './typing/message.ts';
import type { PaneAgent } from './typing/pane-agent.ts';
import { inOrder, viewOf } from './view.ts';

export interface SessionDeskParts {
  readonly pool: Pick<Pool, 'all' | 'get' | 'adopt'>;
  readonly attempt: (seat: string) => AttemptView | undefined;
  readonly agentIn: (seat: string) => PaneAgent | undefined;
  readonly agent: (program: CodingAgentName) => SessionAgent;
  readonly requests: OpenRequests;
  readonly guard: Guard;
  readonly profiles: Profiles;
  readonly tmux: Tmux;
  readonly files: Files;
  readonly clock: Clock;
  readonly userHome: string;
  readonly interrupted: (seat: string, cause: Cause) => Promise<void>;
}

const TRANSCRIPT_BYTES = 64_000;

/** What tools and the command line ask of sessions goes from here to whoever knows. */
export class SessionsDesk implements SessionDesk {
  readonly #parts: SessionDeskParts;

  constructor(parts: SessionDeskParts) {
    this.#parts = parts;
  }

  list(): readonly SessionView[] {
    return inOrder(this.#parts.pool.all().map((seat) => viewOf(seat, this.#parts.attempt(seat.name))));
  }

  async listAll(): Promise<readonly SessionView[]> {
    const own = this.list();
    return [...own, ...(await this.#others())];
  }

  find(which: SessionName): SessionView | Refusal {
    const views = this.list();
    if ('name' in which) {
      const view = views.find(({ name }) => name === which.name);
      return view ?? noSession(which.name, views);
    }
    const { project, id } = which.task;
    const view = views.find(({ task }) => task?.ref.project === project && task.ref.id === id);
    return view ?? refuse('not_possible', `no session works on task ${id}`, 'list_sessions shows who works on what');
  }

  requests(): readonly SessionRequest[] {
    return this.#parts.requests.list();
  }

  async read(
    which: SessionName,
    { from, lines }: { readonly from: 'screen' | 'transcript'; readonly lines: number },
  ): Promise<SessionText | Refusal> {
    const view = this.find(which);
    if (isRefusal(view)) return view;
    const text = from === 'screen' ? await this.#screen(view.name, lines) : await this.#transcript(view.name, lines);
    return isRefusal(text) ? text : { name: view.name, text, from, at: this.#parts.clock.now() };
  }

  async message(which: SessionName, text: string, cause: Cause) {
    const agent = this.#agentOf(which);
    if (isRefusal(agent)) return agent;
    const typed = await message(this.#parts.guard, agent, text, cause);
    return isRefusal(typed) ? typed : { name: agent.seat, ...typed };
  }

  answer(request: string, answer: GivenAnswer, cause: Cause): Promise<AnsweredRequest | Refusal> {
    return this.#parts.requests.answer(request, answer, cause);
  }

  async interrupt(which: SessionName, cause: Cause): Promise<SessionView | Refusal> {
    const agent = this.#agentOf(which);
    if (isRefusal(agent)) return agent;
    const done = await interrupt(this.#parts, agent, cause);
    if (isRefusal(done)) return done;
    await this.#parts.interrupted(agent.seat, cause);
    const view = this.find({ name: agent.seat });
    return isRefusal(view) || done.detail === undefined ? view : { ...view, detail: done.detail };
  }

  async adopt(name: string, _cause: Cause): Promise<SessionView | Refusal> {
    const seat = await this.#parts.pool.adopt(name);
    return isRefusal(seat) ? seat : viewOf(seat, this.#parts.attempt(name));
  }

  attach(which: SessionName): { readonly name: string; readonly command: readonly string[] } | Refusal {
    const view = this.find(which);
    if (isRefusal(view)) return view;
    const presence = this.#parts.pool.get(view.name)?.presence;
    if (presence === undefined || !('pane' in presence))
      return refuse('not_possible', `${view.name} is ${view.state}: there is nothing to attach to`, 'list_sessions');
    return { name: view.name, command: this.#parts.tmux.attachCommand(presence.pane.session) };
  }

  profiles(): readonly ProfileView[] {
    return this.#parts.profiles.views();
  }

  pauseProfile(agent: string, name: string, options: { until?: number; reason: string }, cause: Cause) {
    return this.#parts.profiles.pause(agent, name, options, cause);
  }

  resumeProfile(agent: string, name: string, cause: Cause) {
    return this.#parts.profiles.resume(agent, name, cause);
  }

  useProfile(agent: string, name: string, cause: Cause) {
    return this.#parts.profiles.use(agent, name, cause);
  }

  #agentOf(which: SessionName): PaneAgent | Refusal {
    const view = this.find(which);
    if (isRefusal(view)) return view;
    const agent = this.#parts.agentIn(view.name);
    const presence = this.#parts.pool.get(view.name)?.presence;
    if (agent !== undefined && presence !== undefined && 'pane' in presence) return agent;
    if (agent !== undefined)
      return refuse('unavailable', `the pane of ${view.name} is not to be seen at the moment`, 'try again in a moment');
    return refuse(
      'not_possible',
      `no agent of ours is in ${view.name}, it is ${view.state}`,
      'enqueue_task gives it work; list_sessions shows what the others do',
    );
  }

  async #screen(name: string, lines: number): Promise<string | Refusal> {
    const presence = this.#parts.pool.get(name)?.presence;
    if (presence === undefined || !('pane' in presence))
      return refuse('not_possible', `${name} is not there: it has no screen`, 'list_sessions shows what is there');
    return this.#parts.tmux.read(presence.pane.pane, { lines });
  }

  async #transcript(name: string, lines: number): Promise<string | Refusal> {
    const attempt = this.#parts.attempt(name);
    const by = this.#parts.agentIn(name);
    if (attempt === undefined || by === undefined)
      return refuse('not_possible', `no agent of ours is in ${name}: there is no conversation`, 'from: "screen"');
    const limits = { count: lines, bytes: TRANSCRIPT_BYTES };
    const messages = await by.agent.messages(this.#parts.files, attempt.transcript, limits);
    if (messages.length === 0)
      return refuse('not_found', `the conversation of ${name} has no messages yet`, 'from: "screen"');
    return messages.map((one) => `[${one.by}, ${new Date(one.at).toISOString()}]\n${one.text}`).join('\n\n');
  }

  /** Sessions of the same agents that are not ours: shown, never written to. */
  async #others(): Promise<SessionView[]> {
    const { agent, attempt, files, pool, userHome, profiles } = this.#parts;
    const ours = new Set(pool.all().flatMap(({ name }) => attempt(name)?.conversation ?? [])); // also of agents left open
    const accounts = profiles.views();
    const found = await Promise.all(
      (['claude'] as const).flatMap((program) => {
        const dirs = new Set(accounts.filter((one) => one.agent === program).map(({ config_dir }) => config_dir));
        return [...dirs.add(undefined)].map(async (config_dir) => {
          const where = { home: userHome, ...(config_dir !== undefined && { config_dir }) };
          return (await agent(program).others(files, where)).map((other) => ({ program, other }));
        });
      }),
    );
    return found
      .flat()
      .filter(({ other }) => !ours.has(other.conversation))
      .map(({ program, other }) => ({
        ...{ name: other.name, agent: program, kind: 'unmanaged' as const, managed: false },
        state: stateOf[other.status],
        ...(other.status === 'waiting' && { blocked_on: 'dialog' as const }),
        evidence: { from: "the agent's own list", at: other.at },
        ...{ conversation: other.conversation, cwd: other.cwd, requests: [] },
      }));
  }
}

const stateOf = { idle: 'idle', busy: 'working', waiting: 'blocked', unknown: 'unknown' } as const;

function noSession(name: string, views: readonly SessionView[]): Refusal {
  const names = views.slice(0, 20).map((view) => view.name);
  const there = names.length > 0 ? `there are: ${names.join(', ')}` : 'configure pool in yardmaster.yaml';
  return refuse('not_found', `there is no session "${name}"`, there);
}
