import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import type { Answer, Heard, LiveState, ScreenReading, SessionAgent } from '../../../../src/runtime/agents/agent.ts';
import { DiskFiles } from '../../../../src/runtime/io/files.ts';
import { type Refusal, refuse } from '../../../../src/runtime/model/refusal.ts';
import type { SessionRequest } from '../../../../src/runtime/model/session.ts';
import type { Clock } from '../../../../src/runtime/ports.ts';
import { Guard } from '../../../../src/runtime/sessions/typing/guard.ts';
import type { Doing, PaneAgent } from '../../../../src/runtime/sessions/typing/pane-agent.ts';
import type { Key } from '../../../../src/runtime/terminals.ts';
import { IdleClock } from '../../../fakes/idle-clock.ts';

/* An agent in a pane, both in memory; its reports are real files in a fresh run directory. */

export const CONVERSATION = '11111111-2222-4333-8444-555555555555';

const ended: (() => void)[] = [];
afterEach(() => {
  for (const end of ended.splice(0)) end();
});

export class MemoryPane {
  /** What its screen shows; the box is where pasted text goes. */
  shows: ScreenReading = { kind: 'ready', box: '' };
  in_mode = false;
  live: LiveState | undefined;
  doing: Doing = { kind: 'working' };
  readonly log: string[] = [];
  readonly #dir: string;
  readonly #clock: Clock;
  #reports = 0;
  /** What an Enter does with what is in the box. */
  onEnter: (box: string) => void = (box) => {
    this.type('');
    this.tell({ kind: 'prompt', prompt: box });
  };
  onEscape: () => void = () => {};
  /** Before each paste: things that happen just then. */
  onPaste: () => void = () => {};

  constructor(dir: string, clock: Clock) {
    this.#dir = dir;
    this.#clock = clock;
  }

  get box(): string {
    return this.shows.kind === 'ready' || this.shows.kind === 'busy' ? this.shows.box : '';
  }

  type(box: string): void {
    if (this.shows.kind === 'ready' || this.shows.kind === 'busy') this.shows = { kind: this.shows.kind, box };
  }

  /** A report of the agent's own, or of another conversation. */
  tell(heard: Heard, conversation = CONVERSATION): string {
    this.#reports += 1;
    const name = `${String(this.#reports).padStart(6, '0')}-x`;
    writeFileSync(join(this.#dir, 'hooks', `${name}.json`), JSON.stringify({ conversation, heard }));
    return name;
  }

  later(ms: number, what: () => void): void {
    this.#clock.after(ms, what);
  }

  async read(): Promise<string | Refusal> {
    return JSON.stringify(this.shows);
  }

  async paste(_target: unknown, text: string): Promise<'done' | Refusal> {
    if (this.in_mode) return inMode();
    this.onPaste();
    this.log.push(`paste ${text}`);
    this.type(
      this.box + (text.split('\n').length > 3 ? `[Pasted text #1 +${text.split('\n').length - 1} lines]` : text),
    );
    return 'done';
  }

  async press(_target: unknown, key: Key): Promise<'done' | Refusal> {
    if (this.in_mode) return inMode();
    this.log.push(key);
    if (key === 'Escape') this.onEscape();
    if (key === 'C-u') this.type(this.box.split('\n').slice(0, -1).join('\n'));
    if (key === 'Enter' && (this.shows.kind === 'ready' || this.shows.kind === 'busy')) this.onEnter(this.box);
    return 'done';
  }
}

function inMode(): Refusal {
  return refuse('busy', 'a person scrolls in %1: what is typed would go there', 'try again when copy mode has ended');
}

/** Real files, without a trip through the pool of threads: time does not go on meanwhile. */
class FilesAtOnce extends DiskFiles {
  override async list(dir: string) {
    return readdirSync(dir, { withFileTypes: true }).map((entry) => {
      const kind = entry.isFile() ? ('file' as const) : entry.isDirectory() ? ('dir' as const) : ('other' as const);
      return { name: entry.name, kind };
    });
  }

  override async replace(path: string, bytes: Uint8Array) {
    writeFileSync(path, bytes);
  }
}

export interface SessionWorld {
  readonly dir: string;
  readonly run_dir: string;
  readonly clock: IdleClock;
  readonly files: DiskFiles;
  readonly pane: MemoryPane;
  readonly agent: PaneAgent;
  readonly guard: Guard;
  readonly open: SessionRequest[];
  /** Files of the run directory, but for its folders. */
  left(): string[];
}

export function sessionWorld(): SessionWorld {
  const dir = mkdtempSync(join(tmpdir(), 'ym-session-'));
  const run_dir = join(dir, 'runs/p_000000000001/fix/1');
  for (const folder of ['hooks', 'answers']) mkdirSync(join(run_dir, folder), { recursive: true });
  const clock = new IdleClock(Date.now());
  const files = new FilesAtOnce();
  const pane = new MemoryPane(run_dir, clock);
  const open: SessionRequest[] = [];
  const agent: PaneAgent = {
    ...{ seat: 'shop', target: { pane: '%1', pid: 4711 }, run_dir, conversation: CONVERSATION, home: dir },
    agent: agentOf(pane),
    doing: () => pane.doing,
  };
  const guard = new Guard({ tmux: pane, files, clock, requests: { openIn: () => open } });
  ended.push(() => {
    clock.stop();
    rmSync(dir, { recursive: true, force: true });
  });
  const left = () => readdirSync(run_dir).filter((name) => name !== 'hooks' && name !== 'answers');
  return { dir, run_dir, clock, files, pane, agent, guard, open, left };
}

function agentOf(pane: MemoryPane): SessionAgent {
  const agent: Pick<SessionAgent, 'hear' | 'answer' | 'live' | 'screen' | 'reports' | 'program'> = {
    program: 'claude',
    reports: true,
    hear: ({ name, at, text }) => ({ report: name, at, ...JSON.parse(text) }),
    answer: (_report, answer: Answer) => JSON.stringify(answer),
    live: async () => pane.live,
    screen: (text) => JSON.parse(text),
  };
  return agent as SessionAgent;
}
