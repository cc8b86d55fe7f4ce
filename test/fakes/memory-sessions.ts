import type { TaskRef } from '../../src/runtime/model/ids.ts';
import { isRefusal, type Refusal, refuse } from '../../src/runtime/model/refusal.ts';
import type { ProfileView, SessionRequest, SessionView } from '../../src/runtime/model/session.ts';
import type { Cause } from '../../src/runtime/model/task.ts';
import { fittingAnswer } from '../../src/runtime/policy/answers.ts';
import type { Clock } from '../../src/runtime/ports.ts';
import type { SessionDesk, SessionName, SessionText } from '../../src/runtime/session-desk.ts';

type Answer = Parameters<SessionDesk['answer']>[1];

const MINUTES = 60_000;

/** Sessions as a test says they are, and what was said, answered and done to them. */
export class MemorySessions implements SessionDesk {
  readonly #clock: Pick<Clock, 'now'>;
  readonly views = new Map<string, SessionView>();
  /** Sessions that are found only when somebody looks for them. */
  readonly others: SessionView[] = [];
  readonly accounts: ProfileView[] = [];
  /** Texts by `<name>/screen` and `<name>/transcript`. */
  readonly texts = new Map<string, string>();
  readonly said: { name: string; text: string; cause: Cause }[] = [];
  readonly answers: { request: string; answer: Answer; cause: Cause }[] = [];
  readonly acts: string[] = [];
  /** Whether agents confirm what they are told. */
  confirms = true;

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  /** A dedicated, idle session of Claude unless it is said otherwise. */
  add(name: string, more: Partial<SessionView> = {}): SessionView {
    const usual = { agent: 'claude', kind: 'dedicated', managed: true, state: 'idle', requests: [] } as const;
    const view: SessionView = { name, ...usual, ...more };
    this.views.set(name, view);
    return view;
  }

  change(name: string, more: Partial<SessionView>): void {
    const view = this.views.get(name);
    if (view === undefined) throw new Error(`there is no session ${name}`);
    this.views.set(name, { ...view, ...more });
  }

  work(name: string, ref: TaskRef, more: Partial<SessionView> = {}): SessionView {
    const task = { ref, title: ref.id, attempt: 1, since: this.#clock.now(), run_dir: '/runs' };
    return this.add(name, { state: 'working', task, ...more });
  }

  /** The agent of a working session asks. */
  ask(name: string, more: Partial<SessionRequest> = {}): SessionRequest {
    const view = this.views.get(name);
    if (view?.task === undefined) throw new Error(`nobody works in ${name}`);
    const now = this.#clock.now();
    const request: SessionRequest = {
      id: `req-${this.requests().length + this.answers.length + 1}`,
      kind: 'permission',
      session: name,
      task: view.task.ref,
      attempt: view.task.attempt,
      tool: 'Bash',
      input: 'npm test',
      asked_at: now,
      expires_at: now + 30 * MINUTES,
      ...more,
    };
    this.change(name, { state: 'blocked', blocked_on: request.kind, requests: [...view.requests, request] });
    return request;
  }

  list(): readonly SessionView[] {
    return [...this.views.values()];
  }

  async listAll(): Promise<readonly SessionView[]> {
    return [...this.list(), ...this.others];
  }

  find(which: SessionName): SessionView | Refusal {
    const found = [...this.list(), ...this.others].find((view) =>
      'name' in which
        ? view.name === which.name
        : view.task?.ref.project === which.task.project && view.task.ref.id === which.task.id,
    );
    return found ?? refuse('not_found', 'there is no such session', 'list_sessions');
  }

  requests(): readonly SessionRequest[] {
    return this.list().flatMap(({ requests }) => requests);
  }

  async read(
    which: SessionName,
    { from, lines }: { readonly from: 'screen' | 'transcript'; readonly lines: number },
  ): Promise<SessionText | Refusal> {
    const view = this.find(which);
    if (isRefusal(view)) return view;
    const text = this.texts.get(`${view.name}/${from}`);
    if (text === undefined) return refuse('not_possible', `${view.name} has no ${from}`, 'read_session');
    return { name: view.name, text: text.split('\n').slice(-lines).join('\n'), from, at: this.#clock.now() };
  }

  async message(which: SessionName, text: string, cause: Cause) {
    const view = this.#ours(which);
    if (isRefusal(view)) return view;
    if (view.state === 'blocked')
      return refuse('not_possible', `${view.name} waits for an answer: nothing was sent`, 'answer_request');
    this.said.push({ name: view.name, text, cause });
    if (this.confirms) return { name: view.name, verdict: 'delivered' as const };
    return { name: view.name, verdict: 'unconfirmed' as const, detail: 'the agent has not confirmed it' };
  }

  async answer(request: string, answer: Answer, cause: Cause): Promise<SessionRequest | Refusal> {
    const open = this.requests().find(({ id }) => id === request);
    if (open === undefined) return refuse('not_found', `there is no open request "${request}"`, 'fleet_status');
    const fitting = fittingAnswer(open, answer);
    if (isRefusal(fitting)) return fitting;
    this.answers.push({ request, answer: fitting, cause });
    const requests = this.views.get(open.session)?.requests.filter(({ id }) => id !== request) ?? [];
    this.change(open.session, { requests, ...(requests.length === 0 && { state: 'working' }) });
    return open;
  }

  async interrupt(which: SessionName): Promise<SessionView | Refusal> {
    return this.#act('interrupt', which);
  }

  async adopt(name: string): Promise<SessionView | Refusal> {
    const view = this.find({ name });
    if (isRefusal(view) || view.state !== 'foreign')
      return refuse('not_possible', `${name} is not foreign`, 'sessions');
    this.acts.push(`adopt ${name}`);
    return this.add(name, { kind: 'adopted' });
  }

  attach(which: SessionName) {
    const view = this.find(which);
    if (isRefusal(view)) return view;
    return { name: view.name, command: ['tmux', '-u', '-L', 'yard', 'attach-session', '-t', `=${view.name}`] };
  }

  profiles(): readonly ProfileView[] {
    return this.accounts;
  }

  async pauseProfile(agent: string, name: string, { until, reason }: { until?: number; reason: string }) {
    return this.#profile(agent, name, { state: 'paused', reason, ...(until !== undefined && { until }) });
  }

  async resumeProfile(agent: string, name: string) {
    return this.#profile(agent, name, { state: 'ready' });
  }

  async useProfile(agent: string, name: string) {
    return this.#profile(agent, name, { state: 'in_use' });
  }

  #profile(agent: string, name: string, state: Omit<ProfileView, 'agent' | 'name'>): ProfileView | Refusal {
    const at = this.accounts.findIndex((one) => one.agent === agent && one.name === name);
    if (at < 0) return refuse('not_found', `${agent} has no profile "${name}"`, 'yardmaster profiles list');
    const view = { agent, name, ...state };
    this.accounts[at] = view;
    return view;
  }

  #act(what: string, which: SessionName): SessionView | Refusal {
    const view = this.#ours(which);
    if (!isRefusal(view)) this.acts.push(`${what} ${view.name}`);
    return view;
  }

  #ours(which: SessionName): SessionView | Refusal {
    const view = this.find(which);
    if (isRefusal(view) || view.managed) return view;
    return refuse('not_allowed', `${view.name} is not ours: it is never written to`, 'attach to it');
  }
}
