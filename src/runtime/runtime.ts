import { readFileSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from './config/load.ts';
import { describeProblem } from './config/problem.ts';
import { Delegations } from './delegations/delegations.ts';
import { settingsOf } from './delegations/settings.ts';
import { Desk } from './desk.ts';
import { Dispatcher } from './dispatcher/dispatcher.ts';
import { buildFleet } from './fleet.ts';
import type { InboxContext } from './inbox/context.ts';
import { Inbox } from './inbox/inbox.ts';
import { systemChance } from './io/chance.ts';
import { systemClock } from './io/clock.ts';
import { DiskFiles } from './io/files.ts';
import { git } from './io/git.ts';
import { fileLocks } from './io/locks.ts';
import { procWriters } from './io/open-writers.ts';
import { createRunner } from './io/processes/runner.ts';
import { jobsProvider } from './io/providers/jobs.ts';
import { KernelWatcher } from './io/watch.ts';
import { Load } from './load.ts';
import type { Config } from './model/config.ts';
import type { Project } from './model/event.ts';
import type { ProjectId } from './model/ids.ts';
import { isRefusal } from './model/refusal.ts';
import { isLive, type LiveTask } from './model/task.ts';
import { OfflineAgents } from './offline.ts';
import { afterFailure } from './policy/retry.ts';
import type { Provider } from './ports.ts';
import { Projects } from './projects.ts';
import { Attempts } from './runs/attempts.ts';
import { delegatedPrompt } from './runs/prompt.ts';
import type { FileStore } from './store/file-store.ts';
import { openStore } from './store/open-store.ts';
import { queueOf } from './taskfile/layout.ts';
import { parseTask } from './taskfile/parse.ts';
import type { Caller, Yard } from './yard.ts';

/** The part of a logger that the runtime writes to. */
export interface RuntimeLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface RuntimeOptions {
  readonly version: string;
  readonly home: { readonly dir: string; readonly journal: string; readonly snapshot: string; readonly runs: string };
  readonly env: NodeJS.ProcessEnv;
  readonly log: RuntimeLog;
}

export interface Runtime {
  readonly yard: Yard;
  /** Recovery is done: what the yard says is true. */
  readonly ready: Promise<void>;
  caller(token: string): Caller | undefined;
  stop(): Promise<void>;
}

/** Assembles the services on this machine. The only place that names `io/`. */
export async function startRuntime({ version, home, env, log }: RuntimeOptions): Promise<Runtime> {
  const userHome = env.HOME || homedir();
  const files = new DiskFiles({ file: 0o600, dir: 0o700 });
  const queueFiles = files;
  const [clock, chance, locks] = [systemClock(), systemChance(), fileLocks({ home: home.dir })];
  const say = (level: 'info' | 'warn' | 'error', message: string, facts: object = {}) => log[level](facts, message);
  const config = await readConfig(files, env, userHome);
  const store = await openStore({
    files: queueFiles,
    clock,
    chance,
    locks,
    config,
    home: { ...home, projects: join(home.dir, 'projects.json'), finished: join(home.dir, 'finished') },
    bootId: bootId(),
    say,
    onFatal: (error) => {
      log.error(
        { error: String(error) },
        'the journal can not be trusted any more; the runtime ends and the next one looks',
      );
      process.exit(70);
    },
  });

  const load = new Load(store.open().values());
  store.subscribe((changes) => load.apply(changes)); // before the dispatcher hears of them
  const providers = makeProviders(config, env, say);
  const offline = new OfflineAgents(clock, () => dispatcher.wake());
  const fleet = () =>
    buildFleet({
      config,
      projects: store.projects(),
      load,
      paused: store.paused(),
      providers: [...providers.values()],
      offline: offline.ids(),
    });
  const runner = createRunner();
  const attempts = new Attempts({
    home: home.dir,
    store,
    runner,
    files,
    clock,
    chance,
    config,
    env,
    offline: (agent, reason) => offline.add(agent, reason),
    say,
  });
  const delegations = new Delegations({
    store,
    files,
    clock,
    chance,
    providers: () => providers,
    settings: () => settingsOf(config),
    compose: (task, bytes) => composeDelegated(config, task, bytes),
    afterFailure: (task, failure) =>
      afterFailure(failure, {
        spent: task.spent,
        max_attempts: task.spec.max_attempts ?? config.retry.max_attempts,
        ...(task.last_error && { previous: task.last_error.class }),
        now: clock.now(),
        fraction: chance.fraction(),
        backoff: config.retry.backoff,
        backoff_max: config.retry.backoff_max,
      }),
    report: ({ task, provider, message }) => say('warn', message, { task: task.id, provider }),
  });
  const dispatcher = new Dispatcher({
    store,
    clock,
    load,
    fleet,
    ageStep: () => config.order.age_step,
    launch: {
      launch: (claimed) => attempts.launch(claimed),
      delegate: async ({ lease, task, bytes }) => {
        void delegations.submit(lease, task, bytes); // settles with the provider's answer, which nobody else should wait for
      },
    },
    report: (problem, ref) => say('error', 'a task could not be dispatched', { task: ref.id, error: String(problem) }),
  });

  const inboxes = new Map<ProjectId, Inbox>();
  const watcher = new KernelWatcher({
    degraded: (dir, reason) => say('warn', 'a folder is only scanned, not watched', { dir, reason }),
  });
  const openInbox = async (project: Project): Promise<void> => {
    if (inboxes.has(project.id)) return;
    const context: InboxContext = {
      project,
      queue: queueOf(project.path),
      files: queueFiles,
      writers: procWriters,
      clock,
      store,
      config: () => config,
      rules: () => ({ checks: new Set(Object.keys(config.checks)), callback_hosts: new Set<string>() }),
      takesOlderDrops: (project.held?.length ?? 0) === 0,
      restore: (ref) => store.restore(ref),
      edited: () => undefined,
      note: ({ code, message }) => say('info', message, { project: project.name, code }),
    };
    const inbox = new Inbox(context, watcher);
    inboxes.set(project.id, inbox);
    inbox.start();
  };
  const projects = new Projects({
    config,
    store,
    files: queueFiles,
    git,
    userHome,
    real: (path) => realpath(path).catch(() => undefined),
    adopted: openInbox,
  });
  const yard = new Desk({
    config,
    clock,
    files,
    store,
    version,
    home: home.dir,
    projects,
    dispatcher,
    delegations,
    inboxes,
    fleet,
    offline: offline.reasons,
  });

  const recover = async (): Promise<void> => {
    for (const refused of await projects.adoptKnown()) say('warn', refused.message, { next: refused.hint });
    await attempts.start();
    await delegations.start();
    dispatcher.start();
  };
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    await Promise.all([...inboxes.values()].map((inbox) => inbox.stop()));
    await dispatcher.stop();
    attempts.stop();
    await runner.close();
    await delegations.stop();
    offline.stop();
    await Promise.all([...providers.values()].map((provider) => provider.close()));
    await store.close();
  };
  return {
    yard,
    ready: recover(),
    caller: (token) => callerOf(store, token),
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}

async function readConfig(files: DiskFiles, env: NodeJS.ProcessEnv, userHome: string): Promise<Config> {
  const read = async (path: string) => {
    const bytes = await files.read(path);
    return bytes && Buffer.from(bytes).toString();
  };
  const { config, problems } = await loadConfig({ read, env, userHome });
  if (config) return config;
  throw new Error(`the configuration can't be used:\n${problems.map(describeProblem).join('\n')}`);
}

function makeProviders(
  config: Config,
  env: NodeJS.ProcessEnv,
  say: (level: 'warn', message: string, facts: object) => void,
): Map<string, Provider> {
  const providers = new Map<string, Provider>();
  for (const [id, settings] of Object.entries(config.delegation.providers)) {
    const provider = jobsProvider(id, settings, { env });
    if (isRefusal(provider)) say('warn', provider.message, { next: provider.hint });
    else providers.set(id, provider);
  }
  return providers;
}

function composeDelegated(config: Config, task: LiveTask, bytes: Uint8Array): string {
  const parsed = parseTask(bytes);
  const body = isRefusal(parsed) ? Buffer.from(bytes).toString() : parsed.body;
  return delegatedPrompt({ file: `${task.id}.md`, title: task.title, body, closing: config.prompt.delegated_closing });
}

/** An attempt is known by the token that its environment holds, as long as it is the live one. */
function callerOf(store: FileStore, token: string): Caller | undefined {
  for (const task of store.open().values()) {
    if (!isLive(task) || task.token !== token) continue;
    const ref = { project: task.project, id: task.id };
    return { principal: 'attempt', name: `attempt ${task.attempt} of ${task.id}`, task: ref, depth: task.depth };
  }
  return undefined;
}

/** Another boot means that files which were not synced may be torn and that no process of ours lives. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return 'unknown';
  }
}
