import type { Config } from '../model/config.ts';
import type { ProjectId } from '../model/ids.ts';
import { isRefusal, type Refusal } from '../model/refusal.ts';
import type { Lease, LiveTask } from '../model/task.ts';
import { secretsIn } from '../policy/secrets/find.ts';
import type { Files, TaskStore } from '../ports.ts';
import { delegatedPrompt } from '../runs/delegated-prompt.ts';
import { runDirOf, runFiles } from '../runs/order.ts';
import { MAX_LEARNINGS } from '../runs/prompt.ts';
import { parseTask } from '../taskfile/parse.ts';
import type { Checks, Composed, Composer, Workspaces } from '../work.ts';
import { type Pack, type Packing, secretSaid } from './packing.ts';

/*
 * What a provider is told: the task, and all that it names, for a provider sees nothing else.
 *
 * C1. It is made once per attempt, synced in its run directory before anything is sent, and read from there ever after.
 *     What lies there before anything was sent may be torn, and is made again.
 * C2. It is whole or it is not sent.
 */

export interface ComposerPorts {
  readonly home: string;
  readonly files: Pick<Files, 'makeDir' | 'read' | 'replace' | 'sync' | 'syncDir'>;
  readonly store: Pick<TaskStore, 'projects'>;
  readonly packing: Pick<Packing, 'pack'>;
  readonly workspaces: Pick<Workspaces, 'open'>;
  readonly checks: Pick<Checks, 'complaint'>;
  readonly config: (project: ProjectId) => Config;
}

type Unfit = Extract<Composed, { kind: 'unfit' }>;

export class DelegatedPrompts implements Composer {
  readonly #ports: ComposerPorts;

  constructor(ports: ComposerPorts) {
    this.#ports = ports;
  }

  async compose(task: LiveTask, lease: Lease, bytes: Uint8Array): Promise<Composed> {
    const { files, home } = this.#ports;
    const dir = runDirOf(home, lease.task, lease.attempt);
    const { prompt: path } = runFiles(dir);
    const sent = task.state === 'running' ? await files.read(path) : undefined; // C1
    if (sent) return { kind: 'ready', prompt: Buffer.from(sent).toString() };
    const composed = await this.#compose(task, bytes);
    if (composed.kind === 'unfit') return composed; // C2
    await files.makeDir(dir);
    await files.replace(path, Buffer.from(composed.prompt));
    await files.sync(path); // C1
    await files.syncDir(dir);
    return composed;
  }

  async #compose(task: LiveTask, bytes: Uint8Array): Promise<Composed> {
    const parsed = parseTask(bytes);
    if (isRefusal(parsed)) return unfit(parsed);
    const folder = await this.#folder(task);
    if (typeof folder !== 'string') return folder;
    const pack = await this.#ports.packing.pack(task.project, task.spec, folder);
    if (isRefusal(pack)) {
      if (pack.code === 'unavailable') throw new Error(pack.message); // git may answer another time
      return unfit(pack, task.spec.apply && COMMITTED);
    }
    const learnings = learningsOf(task);
    const found = secretsIn('learnings', learnings.join('\n'));
    if (found.length > 0) return unfit(secretSaid(found));
    return { kind: 'ready', prompt: await this.#prompt(task, parsed.body, learnings, pack) };
  }

  /** A patch is applied in the task's worktree, so that is what has to be shown. Throws where it can't be had now. */
  async #folder(task: LiveTask): Promise<string | Unfit> {
    const { store, workspaces } = this.#ports;
    if (task.spec.apply === undefined) {
      const project = store.projects().find(({ id }) => id === task.project);
      return project?.path ?? { kind: 'unfit', class: 'invalid', reason: 'its project is not there any more' };
    }
    const opened = await workspaces.open(task);
    if (opened.kind === 'ready') return opened.cwd;
    if (opened.kind === 'wait') throw new Error(opened.reason);
    return { kind: 'unfit', class: 'invalid', reason: opened.reason };
  }

  async #prompt(task: LiveTask, body: string, learnings: readonly string[], pack: Pack): Promise<string> {
    const { files, left_out, results } = pack;
    const { apply, constraints, result_schema, verify } = task.spec;
    const complaint = await this.#complaint(task);
    return delegatedPrompt({
      file: `${task.id}.md`,
      title: task.title,
      body,
      constraints,
      learnings,
      results,
      files,
      left_out,
      ...(result_schema && { result_schema }),
      ...(complaint !== undefined && { complaint }),
      ...(apply && { patch: { checked: verify !== undefined } }),
      closing: this.#ports.config(task.project).prompt.delegated_closing,
    });
  }

  /** What a check has printed is the word of a program on this machine: what looks like a secret is not said on. */
  async #complaint(task: LiveTask): Promise<string | undefined> {
    const complaint = await this.#ports.checks.complaint(task);
    if (complaint === undefined || secretsIn('check', complaint).length === 0) return complaint;
    return 'A check of it failed. What it says is kept back, because something in it looks like a secret.';
  }
}

const COMMITTED = 'looked for in its worktree (apply: worktree), where only what is committed is';

/** After a prompt that was too long for the model, they are the first to go. */
function learningsOf({ spec, last_error }: LiveTask): readonly string[] {
  return last_error?.class === 'context_overflow' ? [] : spec.learnings.slice(0, MAX_LEARNINGS);
}

function unfit({ code, message, hint }: Refusal, where?: string | false): Unfit {
  const reason = [message, where || '', hint].filter((part) => part !== '').join('. ');
  return { kind: 'unfit', class: code === 'not_allowed' ? 'permission' : 'invalid', reason };
}
