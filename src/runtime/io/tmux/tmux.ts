import { randomUUID } from 'node:crypto';
import { plainLine, plainText } from '../../model/plain-text.ts';
import { isRefusal, type Refusal, refuse } from '../../model/refusal.ts';
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
} from '../../ports.ts';
import * as acts from './acts.ts';
import { checkFacts, checkProgram, checkSession, checkTarget, checkText } from './checks.ts';
import type { Block } from './frames.ts';
import { removeUnread } from './launcher.ts';
import { Link } from './link.ts';
import { loadBuffer } from './load-buffer.ts';
import { PaneNews } from './news.ts';
import { composeCreate, composeRespawn } from './orders.ts';
import { paneTable } from './panes.ts';
import { type Environment, socketArguments, type TmuxSocket, tmuxEnvironment } from './program.ts';
import { word } from './quote.ts';

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
  return new ControlModeTmux(options);
}

class ControlModeTmux implements Tmux {
  readonly #options: TmuxOptions;
  readonly #silenceMs: number;
  readonly #link: Link;
  readonly #table = paneTable();
  readonly #news = new PaneNews((news) => this.#tell(news));
  readonly #listeners = new Set<(news: TmuxNews) => void>();
  #look: 'none' | 'running' | 'again' = 'none';

  constructor(options: TmuxOptions) {
    if (!/^[A-Za-z0-9-]{1,64}$/.test(options.mark)) throw new Error(`${options.mark} can't mark a pane`);
    this.#options = options;
    this.#silenceMs = options.silenceMs ?? SILENCE_MS;
    this.#link = new Link(
      {
        program: options.program ?? 'tmux',
        socket: options.socket,
        env: options.env,
        mark: options.mark,
        silenceMs: this.#silenceMs,
      },
      {
        hint: () => this.#hint(),
        connected: (server) => this.#connected(server),
        lost: (gone, reason) => this.#lost(gone, reason),
      },
    );
  }

  async sweep(): Promise<Sweep | Refusal> {
    const answer = await this.#link.ask(this.#table.command, { start: false });
    if (answer.kind === 'no_server') return { server: undefined, panes: [] };
    if (answer.kind === 'refused') return answer.refusal;
    if (answer.kind === 'unanswered') return unanswered(answer.reason);
    const [block] = answer.blocks;
    if (block === undefined || !block.ok) return unanswered(said(answer.blocks));
    const own = acts.ownSession(this.#options.mark);
    const panes = this.#table.panes(block.lines).filter((pane) => pane.session !== own);
    this.#news.see(panes.filter((pane) => pane.home === this.#options.mark));
    return { server: this.#link.server, panes };
  }

  async create(order: SessionOrder): Promise<PaneTarget | Refusal | Unconfirmed> {
    const program = { argv: ['-'] as const, cwd: order.cwd, env: {}, ...order.program };
    const problem = checkSession(order.name) ?? checkFacts(order.facts) ?? checkProgram(program);
    if (problem !== undefined) return problem;
    const commands = await composeCreate(order, this.#options);
    if (isRefusal(commands)) return commands;
    const answer = await this.#ask(commands, true);
    if (!Array.isArray(answer)) return answer;
    const begun = acts.toldPid(linesOf(answer));
    if (begun !== undefined) return begun;
    // Half a session would be a foreign one: without our mark nobody would ever take care of it.
    if (answer[0]?.ok) await this.#ask(`kill-session -t ${word(`=${order.name}`)}`, false);
    return notCreated(order.name, said(answer));
  }

  async respawn(target: PaneTarget, program: PaneProgram): Promise<PaneTarget | Refusal | Unconfirmed> {
    const problem = checkTarget(target) ?? checkFacts(program.facts) ?? checkProgram(program);
    if (problem !== undefined) return problem;
    const commands = await composeRespawn(target.pane, program, this.#options);
    if (isRefusal(commands)) return commands;
    const answer = await this.#ask(acts.guarded(target, 'ours', this.#options.mark, commands), false);
    if (!Array.isArray(answer)) return answer;
    return acts.toldPid(linesOf(answer)) ?? this.#refused(answer, target);
  }

  async kill(target: PaneTarget): Promise<Done> {
    return this.#act(target, 'ours', [`kill-pane -t ${target.pane}`]);
  }

  async note(target: PaneTarget, facts: Readonly<Partial<Record<PaneFact, string | undefined>>>): Promise<Done> {
    return checkFacts(facts) ?? this.#act(target, 'ours', acts.setFacts(target.pane, facts));
  }

  async adopt(target: PaneTarget, facts: PaneFacts): Promise<Done> {
    const { mark } = this.#options;
    const commands = [...acts.replaceFacts(target.pane, facts), ...acts.markPane(target.pane, mark)];
    return checkFacts(facts) ?? this.#act(target, 'unmarked', commands);
  }

  async read(pane: string, options: { lines: number; scrollback?: boolean }): Promise<string | Refusal> {
    const problem = checkTarget({ pane, pid: 0 });
    if (problem !== undefined) return problem;
    const lines = Math.max(1, Math.min(Math.floor(options.lines), MOST_LINES));
    const from = options.scrollback ? ` -S -${lines}` : '';
    const answer = await this.#link.ask(`capture-pane -p${from} -t ${pane}`, { start: false });
    if (answer.kind === 'no_server') return notThere(pane);
    if (answer.kind === 'refused') return answer.refusal;
    if (answer.kind === 'unanswered') return unanswered(answer.reason);
    const [block] = answer.blocks;
    if (block === undefined || !block.ok) return notThere(pane);
    return plainText(block.lines.join('\n')).trimEnd().split('\n').slice(-lines).join('\n');
  }

  async paste(target: PaneTarget, text: string): Promise<Done> {
    const problem = checkTarget(target) ?? checkText(text);
    if (problem !== undefined) return problem;
    const buffer = `yardmaster-${randomUUID()}`;
    // The condition is checked first, so that nothing is loaded in vain, and again with the paste itself.
    const allowed = await this.#act(target, 'typing', []);
    if (allowed !== 'done') return isRefusal(allowed) ? allowed : unanswered(allowed.reason);
    const program = await this.#link.program();
    if (isRefusal(program)) return program;
    const { socket, env } = this.#options;
    const args = [...socketArguments(socket), '-N', 'load-buffer', '-b', buffer, '-'];
    const loaded = await loadBuffer(program, args, tmuxEnvironment(env), text, this.#silenceMs);
    if (loaded !== 'loaded') return unanswered(loaded.reason);
    const pasted = await this.#act(target, 'typing', [`paste-buffer -p -d -b ${buffer} -t ${target.pane}`]);
    if (isRefusal(pasted)) await this.#link.ask(`delete-buffer -b ${buffer}`, { start: false });
    return pasted;
  }

  async press(target: PaneTarget, key: Key): Promise<Done> {
    return this.#act(target, 'typing', [acts.press(target.pane, key)]);
  }

  async leaveMode(target: PaneTarget): Promise<Done> {
    return this.#act(target, 'ours', [`copy-mode -q -t ${target.pane}`]);
  }

  attachCommand(session: string): readonly string[] {
    return [this.#options.program ?? 'tmux', ...socketArguments(this.#options.socket), 'attach', '-t', `=${session}`];
  }

  subscribe(listener: (news: TmuxNews) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#listeners.clear();
    await this.#link.close();
  }

  async #act(target: PaneTarget, condition: acts.Condition, commands: readonly string[]): Promise<Done> {
    const problem = checkTarget(target);
    if (problem !== undefined) return problem;
    const whole = [...commands, `display-message -p "${acts.DONE}"`];
    const answer = await this.#ask(acts.guarded(target, condition, this.#options.mark, whole), false);
    if (!Array.isArray(answer)) return answer;
    return linesOf(answer).includes(acts.DONE) ? 'done' : this.#refused(answer, target);
  }

  /** The answer's blocks, or why there are none. */
  async #ask(commands: string, start: boolean): Promise<Block[] | Refusal | Unconfirmed> {
    const answer = await this.#link.ask(commands, { start });
    switch (answer.kind) {
      case 'blocks':
        return [...answer.blocks];
      case 'no_server':
        return refuse(
          'not_found',
          'no tmux server is running: its panes are gone',
          'sessions are made again by themselves',
        );
      case 'refused':
        return answer.refusal;
      case 'unanswered':
        return { unconfirmed: true, reason: plainLine(answer.reason) };
    }
  }

  #refused(blocks: readonly Block[], target: PaneTarget): Refusal {
    const seen = acts.seenInstead(linesOf(blocks));
    if (seen === undefined) return notDone(target.pane, said(blocks));
    if (!seen.exists) return notThere(target.pane);
    const { pane, pid } = target;
    const look = 'look at the session again before anything else is done';
    if (seen.pid !== pid) return refuse('stale', `${pane} runs process ${seen.pid}, no longer ${pid}`, look);
    if (seen.home !== this.#options.mark && seen.home !== '') {
      return refuse('not_allowed', `${pane} belongs to another home of Yardmaster`, 'ask that one');
    }
    if (seen.home === '') return refuse('not_allowed', `${pane} is not ours`, 'yardmaster adopt takes a session over');
    if (seen.dead) return refuse('stale', `the program of ${pane} has ended`, look);
    if (seen.in_mode) {
      return refuse(
        'busy',
        `a person scrolls in ${pane}: what is typed would go there`,
        'try again when copy mode has ended',
      );
    }
    return refuse('id_taken', `${pane} is ours already`, look);
  }

  #connected(server: string): void {
    void removeUnread(this.#options.spill, Date.now());
    this.#tell({ kind: 'connected', server });
    this.#hint();
  }

  #lost(gone: boolean, reason: string): void {
    this.#tell({ kind: 'lost', gone, reason });
    if (gone) this.#news.forget();
  }

  /** Hints that come while a look is under way are answered by one more. */
  #hint(): void {
    const before = this.#look;
    this.#look = before === 'none' ? 'running' : 'again';
    if (before === 'none') void this.#lookAround();
  }

  async #lookAround(): Promise<void> {
    await this.sweep();
    const again = this.#look === 'again';
    this.#look = 'none';
    if (again) this.#hint();
  }

  #tell(news: TmuxNews): void {
    for (const listener of this.#listeners) listener(news);
  }
}

function linesOf(blocks: readonly Block[]): string[] {
  return blocks.flatMap((block) => (block.ok ? block.lines : []));
}

/** What tmux complained about. */
function said(blocks: readonly Block[]): string {
  const complaint = blocks.filter((block) => !block.ok).flatMap((block) => block.lines);
  return plainLine(complaint.join(' ')) || 'tmux gave no reason';
}

function unanswered(reason: string): Refusal {
  return refuse(
    'unavailable',
    `tmux did not answer: ${plainLine(reason)}; nothing is known about the sessions`,
    'it is tried again by itself; tmux list-sessions shows what the server says',
  );
}

function notThere(pane: string): Refusal {
  return refuse('not_found', `there is no pane ${pane}`, 'list_sessions shows what is there');
}

function notDone(pane: string, reason: string): Refusal {
  return refuse('not_possible', `tmux refused for ${pane}: ${reason}`, 'look at the session before it is tried again');
}

function notCreated(name: string, reason: string): Refusal {
  if (reason.startsWith('duplicate session')) {
    return refuse(
      'id_taken',
      `the session ${name} exists already; it was left alone`,
      'yardmaster adopt takes it over',
    );
  }
  return refuse(
    'not_possible',
    `the session ${name} could not be made: ${reason}`,
    'tmux list-sessions shows what is there',
  );
}
