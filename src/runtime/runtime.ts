import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { callerOf } from './callers.ts';
import { loadConfig } from './config/load.ts';
import { describeProblem } from './config/problem.ts';
import { composeDelegated } from './delegations/compose.ts';
import { Delegations } from './delegations/delegations.ts';
import { settingsOf } from './delegations/settings.ts';
import { Desk } from './desk.ts';
import { Dispatcher } from './dispatcher/dispatcher.ts';
import { buildFleet } from './fleet.ts';
import { Inboxes } from './inbox/inboxes.ts';
import { thisMachine } from './io/machine.ts';
import { configuredProviders } from './io/providers/configured.ts';
import { KernelWatcher } from './io/watch.ts';
import { Load } from './load.ts';
import type { Config } from './model/config.ts';
import { OfflineAgents } from './offline.ts';
import { afterFailure } from './policy/retry.ts';
import { Projects } from './projects.ts';
import { Attempts } from './runs/attempts.ts';
import { retrySituation } from './runs/situation.ts';
import { openStore } from './store/open-store.ts';
import type { Caller, Yard } from './yard.ts';

/** The part of a logger that the runtime writes to. */
export interface RuntimeLog {
  /** From which level on something is written; the configuration may change it. */
  level?: string;
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
  readonly http: Config['http'];
  caller(token: string): Caller | undefined;
  stop(): Promise<void>;
}

const JOURNAL_LOST = 70; // exit code: only a new start can tell what is on disk

/** Assembles the services on this machine. */
export async function startRuntime({ version, home, env, log }: RuntimeOptions): Promise<Runtime> {
  const userHome = env.HOME || homedir();
  const say = (level: 'info' | 'warn' | 'error', message: string, facts: object = {}) => log[level](facts, message);
  const config = await readConfig(env, userHome);
  if (config.log.level) log.level = config.log.level;
  const machine = thisMachine({ home: home.dir, version });
  const { clock, chance, files, freeBytes, runner } = machine;
  const store = await openStore({
    ...machine,
    config,
    home: { ...home, projects: join(home.dir, 'projects.json'), finished: join(home.dir, 'finished') },
    say,
    onFatal: (error) => {
      log.error(
        { error: String(error) },
        'the journal can not be trusted any more; the runtime ends and the next one looks',
      );
      process.exit(JOURNAL_LOST);
    },
  });

  const load = new Load(store.open().values());
  store.subscribe((changes) => load.apply(changes)); // before the dispatcher hears of them
  const providers = await configuredProviders(config, env, ({ message, hint }) => say('warn', message, { next: hint }));
  const offline = new OfflineAgents(
    clock,
    () => config.dispatcher.scan,
    () => dispatcher.wake(),
  );
  const fleet = () =>
    buildFleet({
      config,
      projects: store.projects(),
      load,
      paused: store.paused(),
      providers: [...providers.values()],
      offline: offline.ids(),
    });
  const attempts = new Attempts({
    ...{ home: home.dir, store, runner, files, clock, chance, config, env, say },
    offline: (agent, reason) => offline.add(agent, reason),
  });
  const delegations = new Delegations({
    ...{ store, files, clock, chance },
    providers: () => providers,
    settings: () => settingsOf(config),
    compose: (task, bytes) => composeDelegated(config, task, bytes),
    afterFailure: (task, failure) => afterFailure(failure, retrySituation(task, { config, clock, chance })),
    report: ({ task, provider, message }) => say('warn', message, { task: task.id, provider }),
  });
  const dispatcher = new Dispatcher({
    ...{ store, clock, load, fleet },
    ageStep: () => config.order.age_step,
    launch: {
      launch: (claimed) => attempts.launch(claimed),
      delegate: async ({ lease, task, bytes }) => {
        void delegations.submit(lease, task, bytes); // settles with the provider's answer, for which nothing else waits
      },
    },
    report: (problem, ref) => say('error', 'a task could not be dispatched', { task: ref.id, error: String(problem) }),
  });
  const degraded = (dir: string, reason: string) =>
    say('warn', 'a folder is only scanned, not watched', { dir, reason });
  const inboxes = new Inboxes({
    ...{ ...machine, watcher: new KernelWatcher({ degraded }), store, config, say },
    edited: (ref) => store.reread(ref),
  });
  const projects = new Projects({
    ...{ ...machine, config, store, userHome, say },
    adopted: (project) => inboxes.open(project),
  });
  const yard = new Desk({
    ...{
      config,
      clock,
      files,
      freeBytes,
      store,
      version,
      home: home.dir,
      projects,
      dispatcher,
      delegations,
      inboxes,
      fleet,
    },
    offline: offline.reasons,
  });

  const recover = async (): Promise<void> => {
    await projects.start();
    await attempts.start();
    await delegations.start();
    dispatcher.start();
  };
  const stop = async (): Promise<void> => {
    await projects.stop();
    await inboxes.stop();
    await dispatcher.stop();
    attempts.stop();
    await runner.close();
    await delegations.stop();
    offline.stop();
    await Promise.all([...providers.values()].map((provider) => provider.close()));
    await store.close();
  };
  let stopping: Promise<void> | undefined;
  return {
    yard,
    ready: recover(),
    http: config.http,
    caller: (token) => callerOf(store, token),
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}

/** Links are followed here: dotfiles often are some. */
async function readConfig(env: NodeJS.ProcessEnv, userHome: string): Promise<Config> {
  const read = (path: string) =>
    readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
  const { config, problems } = await loadConfig({ read, env, userHome });
  if (config) return config;
  throw new Error(`the configuration can't be used:\n${problems.map(describeProblem).join('\n')}`);
}
