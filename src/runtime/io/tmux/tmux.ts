import { randomUUID } from 'node:crypto';
import { plainLine, plainText } from '../../model/plain-text.ts';
import { isRefusal, type Refusal } from '../../model/refusal.ts';
import type {
  Key,
  PaneFact,
  PaneFacts,
  PaneProgram,
  PaneTarget,
  SessionOrder,
  Sweep,
  Tmux,
  TmuxNews,
  Unconfirmed,
} from '../../terminals.ts';
import * as acts from './acts.ts';
import { checkFacts, checkProgram, checkSession, checkTarget, checkText } from './checks.ts';
import { PLACEHOLDER } from './launcher.ts';
import { composeCreate, composeRespawn } from './orders.ts';
import { type Environment, socketArguments, type TmuxSocket } from './program.ts';
import { word } from './quote.ts';
import { notCreated, notThere, refusedFor, unanswered, unsure } from './refusals.ts';
import { TmuxServer } from './server.ts';

/**
 * tmux, as the port wants it.
 *
 * T1. Nothing is written to a pane but under a condition that tmux itself checks (acts.ts).
 * T2. What was sent and not answered is `unconfirmed`; a look that failed is a refusal, never an empty answer.
 * T3. Foreign text is quoted on its way in and cleaned on its way out.
 */
export interface TmuxOptions {
  /** What marks panes as this home's: letters, digits and dashes. */
  readonly mark: string;
  /** A folder of ours for arguments that are too long for a command line. */
  readonly spill: string;
  readonly env: Environment;
  readonly program?: string;
  readonly socket?: TmuxSocket;
  /** How long a server may say nothing while an answer is due. */
  readonly silenceMs?: number;
}

type Done = 'done' | Refusal | Unconfirmed;

const SILENCE_MS = 5_000;
const MOST_LINES = 10_000;

export function tmux(options: TmuxOptions): Tmux {
  return new SystemTmux(options);
}

class SystemTmux implements Tmux {
  readonly #options: TmuxOptions;
  readonly #program: string;
  readonly #server: TmuxServer;

  constructor(options: TmuxOptions) {
    if (!/^[A-Za-z0-9-]{1,64}$/.test(options.mark)) throw new Error(`${options.mark} can't mark a pane`);
    const { mark, spill, env, socket, program = 'tmux', silenceMs = SILENCE_MS } = options;
    this.#options = options;
    this.#program = program;
    this.#server = new TmuxServer({ mark, spill, env, socket, program, silenceMs });
  }

  async sweep(): Promise<Sweep | Refusal> {
    return this.#server.sweep();
  }

  async create(order: SessionOrder): Promise<PaneTarget | Refusal | Unconfirmed> {
    const program = { argv: ['-'] as const, cwd: order.cwd, env: {}, ...order.program };
    const problem = checkSession(order.name) ?? checkFacts(order.facts) ?? checkProgram(program);
    if (problem !== undefined) return problem;
    const commands = await composeCreate(order, this.#options);
    if (isRefusal(commands)) return commands;
    const answer = await this.#server.run(commands, { start: true });
    if (answer.kind !== 'answered') return unsure(answer);
    this.#server.hint();
    const begun = acts.toldPid(answer.out);
    if (begun !== undefined) return begun;
    // Half a session would be a foreign one: without our mark nobody would ever take care of it.
    const half = /^ym made (\$\d+)$/m.exec(answer.out)?.[1];
    if (half !== undefined) await this.#server.run(`kill-session -t ${word(half)}`);
    return notCreated(order.name, plainLine(answer.complaint));
  }

  async respawn(target: PaneTarget, program: PaneProgram): Promise<PaneTarget | Refusal | Unconfirmed> {
    const problem = checkTarget(target) ?? checkFacts(program.facts) ?? checkProgram(program);
    if (problem !== undefined) return problem;
    const commands = await composeRespawn(target.pane, program, this.#options);
    if (isRefusal(commands)) return commands;
    const answer = await this.#server.run(acts.guarded(target, 'ours', this.#options.mark, commands));
    this.#server.hint();
    if (answer.kind !== 'answered') return unsure(answer);
    return acts.toldPid(answer.out) ?? refusedFor(target, this.#options.mark, answer);
  }

  async rest(
    target: PaneTarget,
    { cwd, facts }: Pick<PaneProgram, 'cwd' | 'facts'>,
  ): Promise<PaneTarget | Refusal | Unconfirmed> {
    return this.respawn(target, { argv: PLACEHOLDER, cwd, env: {}, facts });
  }

  async kill(target: PaneTarget): Promise<Done> {
    const killed = await this.#act(target, 'ours', [`kill-pane -t ${target.pane}`]);
    this.#server.hint();
    return killed;
  }

  async note(target: PaneTarget, facts: Readonly<Partial<Record<PaneFact, string | undefined>>>): Promise<Done> {
    return checkFacts(facts) ?? this.#act(target, 'ours', acts.setFacts(target.pane, facts));
  }

  async adopt(target: PaneTarget, facts: PaneFacts): Promise<Done> {
    const { mark } = this.#options;
    const commands = [...acts.replaceFacts(target.pane, facts), ...acts.markPane(target.pane, mark)];
    const adopted = checkFacts(facts) ?? (await this.#act(target, 'unmarked', commands));
    this.#server.hint();
    return adopted;
  }

  async read(pane: string, options: { lines: number; scrollback?: boolean }): Promise<string | Refusal> {
    const problem = checkTarget({ pane, pid: 0 });
    if (problem !== undefined) return problem;
    const lines = Math.max(1, Math.min(Math.floor(options.lines), MOST_LINES));
    const from = options.scrollback ? ['-S', `-${lines}`] : [];
    const answer = await this.#server.ask(['capture-pane', '-p', ...from, '-t', pane], { start: false });
    if (answer.kind === 'refused') return answer.refusal;
    if (answer.kind === 'unanswered') return unanswered(answer.reason);
    if (answer.kind === 'no_server' || answer.complaint.startsWith("can't find pane")) return notThere(pane);
    if (answer.complaint !== '') return unanswered(answer.complaint);
    return plainText(answer.out).trimEnd().split('\n').slice(-lines).join('\n');
  }

  async paste(target: PaneTarget, text: string): Promise<Done> {
    const problem = checkTarget(target) ?? checkText(text);
    if (problem !== undefined) return problem;
    const buffer = `yardmaster-${randomUUID()}`;
    // The condition is checked first, so that nothing is loaded in vain, and again with the paste itself.
    const allowed = await this.#act(target, 'typing', []);
    if (allowed !== 'done') return isRefusal(allowed) ? allowed : unanswered(allowed.reason);
    const loaded = await this.#server.ask(['load-buffer', '-b', buffer, '-'], { start: false, input: text });
    if (loaded.kind !== 'answered') return loaded.kind === 'unanswered' ? unanswered(loaded.reason) : unsure(loaded);
    const pasted = await this.#act(target, 'typing', [`paste-buffer -p -d -b ${buffer} -t ${target.pane}`]);
    if (isRefusal(pasted)) await this.#server.run(`delete-buffer -b ${buffer}`);
    return pasted;
  }

  async press(target: PaneTarget, key: Key): Promise<Done> {
    return this.#act(target, 'typing', [acts.press(target.pane, key)]);
  }

  async leaveMode(target: PaneTarget): Promise<Done> {
    return this.#act(target, 'ours', [`copy-mode -q -t ${target.pane}`]);
  }

  attachCommand(session: string): readonly string[] {
    return [this.#program, ...socketArguments(this.#options.socket), 'attach-session', '-t', `=${session}`];
  }

  subscribe(listener: (news: TmuxNews) => void): () => void {
    return this.#server.subscribe(listener);
  }

  async close(): Promise<void> {
    await this.#server.close();
  }

  async #act(target: PaneTarget, condition: acts.Condition, commands: readonly string[]): Promise<Done> {
    const problem = checkTarget(target);
    if (problem !== undefined) return problem;
    const { mark } = this.#options;
    const whole = [...commands, `display-message -p ${word(acts.DONE)}`];
    const answer = await this.#server.run(acts.guarded(target, condition, mark, whole));
    if (answer.kind !== 'answered') return unsure(answer);
    return answer.out.split('\n').includes(acts.DONE) ? 'done' : refusedFor(target, mark, answer);
  }
}
