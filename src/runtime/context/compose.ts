import type { Config } from '../model/config.ts';
import type { ProjectId } from '../model/ids.ts';
import { isRefusal } from '../model/refusal.ts';
import type { Lease, LiveTask } from '../model/task.ts';
import type { Files } from '../ports.ts';
import { runDirOf, runFiles } from '../runs/order.ts';
import { delegatedPrompt } from '../runs/prompt.ts';
import { parseTask } from '../taskfile/parse.ts';
import type { Checks, Composed, Composer, Workspaces } from '../work.ts';
import type { Packing } from './packing.ts';

/*
 * What a provider is told: the task alone, for it sees nothing else.
 *
 * C1. It is made once per attempt, synced in its run directory before anything is sent, and read from there ever after.
 */

const MAX_PROMPT = 64 * 1024 * 1024;

export interface ComposerPorts {
  readonly home: string;
  readonly files: Pick<Files, 'makeDir' | 'read' | 'replace' | 'sync' | 'syncDir'>;
  readonly packing: Pick<Packing, 'preview'>;
  readonly workspaces: Pick<Workspaces, 'open'>;
  readonly checks: Pick<Checks, 'complaint'>;
  readonly config: (project: ProjectId) => Config;
}

export class DelegatedPrompts implements Composer {
  readonly #ports: ComposerPorts;

  constructor(ports: ComposerPorts) {
    this.#ports = ports;
  }

  async compose(task: LiveTask, lease: Lease, bytes: Uint8Array): Promise<Composed> {
    const { files, home } = this.#ports;
    const dir = runDirOf(home, lease.task, lease.attempt);
    const { prompt: path } = runFiles(dir);
    const made = await files.read(path, MAX_PROMPT).catch(() => undefined);
    if (made) return { kind: 'ready', prompt: Buffer.from(made).toString() };
    const prompt = this.#prompt(task, bytes);
    await files.makeDir(dir);
    await files.replace(path, Buffer.from(prompt));
    await files.sync(path); // C1
    await files.syncDir(dir);
    return { kind: 'ready', prompt };
  }

  #prompt(task: LiveTask, bytes: Uint8Array): string {
    const parsed = parseTask(bytes);
    const body = isRefusal(parsed) ? Buffer.from(bytes).toString() : parsed.body;
    const closing = this.#ports.config(task.project).prompt.delegated_closing;
    return delegatedPrompt({ file: `${task.id}.md`, title: task.title, body, closing });
  }
}
