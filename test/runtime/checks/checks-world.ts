import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { WorkChecks } from '../../../src/runtime/checks/checks.ts';
import { systemClock } from '../../../src/runtime/io/clock.ts';
import { DiskFiles } from '../../../src/runtime/io/files.ts';
import { git } from '../../../src/runtime/io/git.ts';
import { patterns } from '../../../src/runtime/io/patterns.ts';
import { createRunner } from '../../../src/runtime/io/processes/runner.ts';
import { Config } from '../../../src/runtime/model/config.ts';
import { keyOf } from '../../../src/runtime/model/ids.ts';
import { isRefusal } from '../../../src/runtime/model/refusal.ts';
import type { RunRoute } from '../../../src/runtime/model/route.ts';
import { TaskSpec, type TaskSpecInput } from '../../../src/runtime/model/spec.ts';
import type { LiveTask } from '../../../src/runtime/model/task.ts';
import type { NewTask } from '../../../src/runtime/ports.ts';
import { runDirOf } from '../../../src/runtime/runs/order.ts';
import type { CheckOrder, DoneOutcome } from '../../../src/runtime/work.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { supervisor } from '../io/processes/world.ts';

/** A project's folder, tasks whose agents say that they are done, and checks on real processes, files and git. */
export async function world(config: unknown = {}) {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'yard-checks-')));
  const [home, cwd] = [join(root, 'home'), join(root, 'shop')];
  mkdirSync(cwd);
  const clock = systemClock();
  const store = new MemoryStore(clock);
  const files = new DiskFiles({ file: 0o600, dir: 0o700 });
  const project = await store.adoptProject(cwd, 'shop');
  const settings = Config.parse({ headless: { grace: '200ms' }, ...(config as object) });
  const said: string[] = [];
  const runners: ReturnType<typeof createRunner>[] = [];
  const dirs = new Set<string>();

  /** What a runtime has: after a restart another one, which knows only what is on disk. */
  const runtime = (env: Record<string, string> = {}) => {
    const runner = createRunner({ pollMs: 100, supervisor });
    runners.push(runner);
    return new WorkChecks({
      ...{ home, store, runner, files, clock, git, patterns },
      config: () => settings,
      env: { PATH: process.env.PATH ?? '', SECRET: 'no', ...env },
      grace: () => settings.headless.grace,
      removeTree: (dir) => rm(dir, { recursive: true, force: true }),
      say: (_, message) => void said.push(message),
    });
  };
  onTestFinished(async () => {
    const last = runtime();
    for (const dir of dirs) await last.stop(dir);
    await Promise.all(runners.map((runner) => runner.close()));
    await rm(root, { recursive: true, force: true, maxRetries: 5 });
  });

  /** A task whose agent has begun. */
  async function begun(spec: TaskSpecInput, more: Partial<NewTask> = {}): Promise<CheckOrder> {
    const task = { spec: TaskSpec.parse(spec), title: 'Fix', bytes: Buffer.from('Fix'), source: 'call' as const };
    const [made] = await store.enqueue([{ project: project.id, ...task, enqueued_by: 'me', ...more }], { by: 'owner' });
    if (!made || isRefusal(made)) throw new Error(made?.message);
    return again(made.ref);
  }

  async function again(ref: CheckOrder['lease']['task']): Promise<CheckOrder> {
    const route: RunRoute = { to: 'agent', agent: 'bot', kind: 'command', rules: [] };
    const claimed = await store.claim(ref, route);
    if (isRefusal(claimed)) throw new Error(claimed.message);
    await store.started(claimed.lease);
    const dir = runDirOf(home, ref, claimed.task.attempt);
    dirs.add(dir);
    mkdirSync(dir, { recursive: true });
    const outcome: DoneOutcome = { state: 'done', result: 'All done.', agent: 'bot' };
    return { task: claimed.task, lease: claimed.lease, dir, cwd, outcome };
  }

  const sh = (command: string) =>
    execFileSync('sh', ['-c', command], { cwd, encoding: 'utf8', env: identity() }).trim();
  return {
    ...{ root, home, cwd, store, files, said, runtime, begun, again, sh },
    task: (order: CheckOrder) => store.open().get(keyOf(order.task)) as LiveTask & { verifying_since?: number },
    write: (name: string, text: string) => writeFile(join(cwd, name), text),
    read: (...path: string[]) => readFile(join(...path), 'utf8').catch(() => undefined),
  };
}

function identity() {
  const who = { GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@b', GIT_COMMITTER_NAME: 'a', GIT_COMMITTER_EMAIL: 'a@b' };
  return { ...process.env, ...who, GIT_CONFIG_GLOBAL: '/dev/null' };
}
