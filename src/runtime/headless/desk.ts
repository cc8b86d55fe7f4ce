import type { SessionAgent } from '../agents/agent.ts';
import type { CodingAgentName } from '../model/config.ts';
import { isRefusal, type Refusal, refuse } from '../model/refusal.ts';
import type { SessionView } from '../model/session.ts';
import type { Cause } from '../model/task.ts';
import type { GivenAnswer } from '../policy/answers.ts';
import type { Clock, Files, TaskStore } from '../ports.ts';
import type { SessionDesk, SessionName, SessionText } from '../session-desk.ts';
import { inOrder } from '../sessions/view.ts';
import type { RunProgress } from './progress.ts';
import type { HeadlessRun } from './run.ts';
import type { HeadlessRuns } from './runs.ts';

export interface DeskParts {
  /** Those in tmux. */
  readonly sessions: SessionDesk;
  readonly runs: Pick<HeadlessRuns, 'views' | 'named'>;
  readonly progress: RunProgress;
  readonly agent: (program: CodingAgentName) => SessionAgent;
  readonly store: Pick<TaskStore, 'record'>;
  readonly files: Files;
  readonly clock: Clock;
}

const TEXT_BYTES = 64_000;

/**
 * All agents at work, in sessions and without a terminal, behind one desk. A run without a terminal is called
 * `project/task`: no session of tmux can be.
 */
export class AllSessions implements SessionDesk {
  readonly #parts: DeskParts;

  constructor(parts: DeskParts) {
    this.#parts = parts;
  }

  list(): readonly SessionView[] {
    const views = this.#parts.runs.views();
    const inTmux = this.#parts.sessions.list();
    return views.length === 0 ? inTmux : inOrder([...inTmux, ...views]);
  }

  async listAll(): Promise<readonly SessionView[]> {
    const views = this.#parts.runs.views();
    const own = new Set(views.map(({ conversation }) => conversation));
    const others = (await this.#parts.sessions.listAll()).filter(
      ({ managed, conversation }) => managed || conversation === undefined || !own.has(conversation),
    );
    return [...views, ...others];
  }

  find(which: SessionName): SessionView | Refusal {
    return this.#view(which) ?? this.#parts.sessions.find(which);
  }

  requests() {
    return this.#parts.sessions.requests(); // whoever asks, one keeps them
  }

  async read(
    which: SessionName,
    what: { readonly from: 'screen' | 'transcript'; readonly lines: number },
  ): Promise<SessionText | Refusal> {
    const view = this.#view(which);
    if (!view) return this.#parts.sessions.read(which, what);
    const at = this.#parts.clock.now();
    const told = what.from === 'transcript' ? await this.#transcript(view, what.lines) : undefined;
    if (told !== undefined) return { name: view.name, text: told, from: 'transcript', at };
    const run = this.#parts.runs.named(view.name);
    const text = run?.run?.text || (run && (await this.#parts.progress.tail(run.dir, TEXT_BYTES))?.text);
    if (text) return { name: view.name, text, from: 'stream', at };
    return refuse(
      'not_found',
      `${view.name} has shown nothing yet`,
      'read_session again in a moment, or stream: "stderr"',
    );
  }

  async message(which: SessionName, text: string, cause: Cause) {
    const view = this.#view(which);
    if (!view) return this.#parts.sessions.message(which, text, cause);
    if (cause.by === 'attempt')
      return refuse(
        'not_allowed',
        `a worker can't send messages to other agents; nothing was sent to ${view.name}`,
        'say in your result what others should know',
      );
    const run = this.#runOf(view);
    const sent = isRefusal(run) ? run : await run.message(text);
    return isRefusal(sent) ? sent : { name: view.name, ...sent };
  }

  answer(request: string, answer: GivenAnswer, cause: Cause) {
    return this.#parts.sessions.answer(request, answer, cause);
  }

  async interrupt(which: SessionName, cause: Cause): Promise<SessionView | Refusal> {
    const view = this.#view(which);
    if (!view) return this.#parts.sessions.interrupt(which, cause);
    const run = this.#runOf(view);
    const done = isRefusal(run) ? run : await run.interrupt();
    if (isRefusal(done)) return done;
    const session = view.name;
    const event = { type: 'session_changed', session, what: 'interrupted', detail: `by ${cause.by}` } as const;
    await this.#parts.store.record(event, cause);
    return { ...done, detail: 'it was asked to stop what it does' };
  }

  adopt(name: string, cause: Cause) {
    return this.#parts.sessions.adopt(name, cause);
  }

  attach(which: SessionName) {
    const view = this.#view(which);
    if (!view) return this.#parts.sessions.attach(which);
    return refuse(
      'not_possible',
      `${view.name} works without a terminal: there is nothing to attach to`,
      `yardmaster logs -f ${view.name} shows what it does, yardmaster send ${view.name} speaks to it`,
    );
  }

  profiles() {
    return this.#parts.sessions.profiles();
  }

  pauseProfile(agent: string, name: string, options: { until?: number; reason: string }, cause: Cause) {
    return this.#parts.sessions.pauseProfile(agent, name, options, cause);
  }

  resumeProfile(agent: string, name: string, cause: Cause) {
    return this.#parts.sessions.resumeProfile(agent, name, cause);
  }

  useProfile(agent: string, name: string, cause: Cause) {
    return this.#parts.sessions.useProfile(agent, name, cause);
  }

  #view(which: SessionName): SessionView | undefined {
    const views = this.#parts.runs.views();
    if ('name' in which) return views.find(({ name }) => name === which.name);
    const { project, id } = which.task;
    return views.find(({ task }) => task?.ref.project === project && task.ref.id === id);
  }

  #runOf({ name, state }: SessionView): HeadlessRun | Refusal {
    const run = this.#parts.runs.named(name)?.run;
    return run ?? refuse('not_possible', `${name} is ${state}: it hears nothing yet`, 'try again in a moment');
  }

  async #transcript({ name }: SessionView, lines: number): Promise<string | undefined> {
    const record = this.#parts.runs.named(name)?.run?.record;
    if (!record) return undefined;
    const limits = { count: lines, bytes: TEXT_BYTES };
    const { agent, files } = this.#parts;
    const messages = await agent(record.agent)
      .messages(files, record.transcript, limits)
      .catch(() => []);
    if (messages.length === 0) return undefined;
    return messages.map((one) => `[${one.by}, ${new Date(one.at).toISOString()}]\n${one.text}`).join('\n\n');
  }
}
