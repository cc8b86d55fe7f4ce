import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { headlessInterrupt, headlessMessage } from '../../../src/runtime/agents/claude/headless-compose.ts';
import { HeadlessReader } from '../../../src/runtime/agents/claude/headless-reader.ts';
import type { Progress } from '../../../src/runtime/agents/headless.ts';
import { until } from '../../support/world.ts';
import { fakeClaude, type Stage } from './stage.ts';

interface Start {
  readonly id?: string;
  readonly args?: readonly string[];
  readonly mode?: string;
  /** False: with no settings, so nobody is asked. */
  readonly hooks?: boolean;
}

/** The stand-in without a terminal, on a stage, read as the runtime reads it. */
export class HeadlessRun {
  readonly lines: Record<string, unknown>[] = [];
  readonly shown: Progress[] = [];
  readonly reader = new HeadlessReader();
  readonly child: ChildProcess;
  /** Its exit code, or the signal that has ended it. */
  readonly ended: Promise<number | string | null>;
  stderr = '';

  constructor(stage: Stage, { id, args = [], mode = 'acceptEdits', hooks = true }: Start = {}) {
    const stream = ['-p', '--output-format=stream-json', '--verbose', '--input-format=stream-json'];
    const given = [...(id === undefined ? [] : [`--session-id=${id}`]), `--permission-mode=${mode}`, ...args];
    const argv = [
      fakeClaude,
      ...stream,
      '--replay-user-messages',
      ...(hooks ? [`--settings=${stage.settings}`, '--permission-prompt-tool=stdio'] : []),
      ...given,
    ];
    const env = { ...process.env, CLAUDE_CONFIG_DIR: stage.config, IS_SANDBOX: '1' };
    this.child = spawn(process.execPath, argv, { cwd: stage.project, env, stdio: 'pipe' });
    this.child.stdin?.on('error', () => {}); // it has ended
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk;
    });
    const lines = createInterface({ input: this.child.stdout as NodeJS.ReadableStream });
    lines.on('line', (line) => {
      this.lines.push(JSON.parse(line) as Record<string, unknown>);
      this.shown.push(...this.reader.take(line));
    });
    const isRead = new Promise((resolve) => lines.once('close', resolve));
    this.ended = new Promise((resolve) =>
      this.child.once('close', (code, signal) => void isRead.then(() => resolve(code ?? signal))),
    );
  }

  tell(text: string): this {
    this.child.stdin?.write(headlessMessage(text));
    return this;
  }

  interrupt(): void {
    this.child.stdin?.write(headlessInterrupt('r1'));
  }

  /** Nothing more is said to it; its exit code. */
  async finish(): Promise<number | string | null> {
    this.child.stdin?.end();
    return this.ended;
  }

  async shows(text: string): Promise<void> {
    await until(() => this.shown.some((shown) => shown.text.includes(text)), 20_000);
  }

  /** Not by repeating what it was told. */
  async says(text: string): Promise<void> {
    await until(() => this.shown.some((shown) => shown.by === 'agent' && shown.text === text), 20_000);
  }

  async idle(): Promise<void> {
    await until(() => this.reader.now.idle, 20_000);
  }

  all(type: string): Record<string, unknown>[] {
    return this.lines.filter((line) => line.type === type);
  }
}
