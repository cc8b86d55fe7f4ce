import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { sessionAgent } from './agents/agents.ts';
import { headlessAgent } from './agents/headless-agents.ts';
import { DelegatedAnswers } from './answers/answers.ts';
import { Callbacks } from './callbacks/callbacks.ts';
import { callerOf } from './callers.ts';
import { WorkChecks } from './checks/checks.ts';
import { ConfigFollower } from './config/follow.ts';
import { keyVariables } from './config/key-variables.ts';
import { openSettings } from './config/settings.ts';
import { DelegatedPrompts } from './context/compose.ts';
import { Packing } from './context/packing.ts';
import { Delegations } from './delegations/delegations.ts';
import { settingsOf, ttlOfTask } from './delegations/settings.ts';
import { Desk } from './desk.ts';
import { DispatchFiles } from './dispatch-files/dispatch-files.ts';
import { reportPlaces } from './dispatch-files/places.ts';
import { signingKey } from './dispatch-files/signature.ts';
import { tidier } from './dispatch-files/tidy.ts';
import { Dispatcher } from './dispatcher/dispatcher.ts';
import { LaneWaits } from './dispatcher/lane-waits.ts';
import { buildFleet } from './fleet.ts';
import { Headless } from './headless/headless.ts';
import { Heartbeat } from './heartbeat.ts';
import { HoldEnds } from './hold-ends.ts';
import { Inboxes } from './inbox/inboxes.ts';
import { admit } from './intake.ts';
import { httpPoster } from './io/http-post.ts';
import { thisMachine } from './io/machine.ts';
import { hideFromChildren } from './io/own-environment.ts';
import { which } from './io/processes/which.ts';
import { ConfiguredProviders } from './io/providers/configured.ts';
import { personsTmux } from './io/tmux/own.ts';
import { KernelWatcher } from './io/watch.ts';
import { Load } from './load.ts';
import { payers } from './model/books.ts';
import type { Config } from './model/config.ts';
import { pausedAt } from './model/hold.ts';
import type { ProjectId } from './model/ids.ts';
import type { AgentRoute } from './model/route.ts';
import type { LiveTask } from './model/task.ts';
import { OfflineAgents } from './offline.ts';
import { Orphans } from './orphans/orphans.ts';
import { boundedTtl } from './policy/allowance.ts';
import { afterFailure } from './policy/retry.ts';
import { Projects } from './projects.ts';
import { Quota } from './quota/quota.ts';
import { Reports } from './reports/deliver.ts';
import { eventsFrom } from './retention/events.ts';
import { PastEvents } from './retention/past-events.ts';
import { Retention } from './retention/retention.ts';
import { Attempts } from './runs/attempts.ts';
import { Commands } from './runs/command.ts';
import { retrySituation } from './runs/situation.ts';
import { Sessions } from './sessions/sessions.ts';
import { Sinks } from './sinks/sinks.ts';
import { openStore } from './store/open-store.ts';
import { WindDown } from './wind-down.ts';
import { takenName, ttlOfWorker } from './workers/settings.ts';
import { Workers } from './workers/workers.ts';
import { treesIn } from './worktrees/record.ts';
import { Worktrees } from './worktrees/worktrees.ts';
import type { Caller, Reloaded, RunAtWork, Yard } from './yard.ts';

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
  /** What the command line sets: `section.key=value`, over everything else. */
  readonly set?: readonly string[];
}

export interface Runtime {
  readonly yard: Yard;
  /** Recovery is done: what the yard says is true. */
  readonly ready: Promise<void>;
  readonly http: Config['http'];
  caller(token: string): Caller | undefined;
  /** An agent's conversation that we supervise counts as its attempt, even when it lost its token. */
  sessionCaller(conversation: string): Caller | undefined;
  /** Reads the configuration again, now. */
  reload(): Promise<Reloaded>;
  /** What comes before `stop`, when nobody is in a hurry. */
  readonly windDown: WindDown;
  stop(): Promise<void>;
}

const MAX_PROJECT_CONFIG = 262_144;
const JOURNAL_LOST = 70; // exit code: only a new start can tell what is on disk

/** Assembles the services on this machine. */
export async function startRuntime({ version, home, env: given, log, set }: RuntimeOptions): Promise<Runtime> {
  const env = { ...given }; // the process's own is slow to read, and loses its keys
  const userHome = env.HOME || homedir();
  const say = (level: 'info' | 'warn' | 'error', message: string, facts: object = {}) => log[level](facts, message);
  const settings = await openSettings({ read: textOf, env, userHome, ...(set && { set }) });
  const config = settings.live;
  const usualLevel = log.level;
  const setLogLevel = () => {
    const level = config.log.level ?? usualLevel;
    if (level) log.level = level;
  };
  setLogLevel();
  const machine = thisMachine({ home: home.dir, version });
  const { clock, chance, files, gauge, runner } = machine;
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

  const degraded = (dir: string, reason: string) =>
    say('warn', 'a folder is only scanned, not watched', { dir, reason });
  const load = new Load(store.open().values());
  store.subscribe((changes) => load.apply(changes)); // before the dispatcher hears of them
  const providers = new ConfiguredProviders(env, ({ message, hint }) => say('warn', message, { next: hint }));
  hideFromChildren(keyVariables(config));
  await providers.update(config);
  const offline = new OfflineAgents(
    clock,
    () => config.dispatcher.scan,
    () => dispatcher.wake(),
  );
  const fleet = () =>
    buildFleet({
      config,
      own: (project) => settings.ownOf(project),
      projects: store.projects(),
      load,
      paused: pausedAt(store.holds(), clock.now()),
      providers: [...providers.all().values()],
      away: delegations.away(),
      offline: offline.reasons,
      sessions: sessions.forFleet(),
      worktrees: worktrees.forFleet(load.inWorktrees()),
      books: store.books(),
      limits: quota.limits(),
      headless: headless.forFleet(),
      workers: workers.forFleet(),
    });
  const quota = new Quota({
    ...{ store, clock, config, fleet, say },
    projectName: (id) => yard.projectName(id),
    changed: () => {
      attempts.limitsChanged();
      sessions.limitsChanged();
      delegations.limitsChanged();
      dispatcher.wake();
    },
  });
  const ofProject = (project: ProjectId) => settings.of(project);
  const commands = new Commands({ store, files, chance, config: ofProject, env });
  const worktrees = new Worktrees({
    ...{ ...machine, home: home.dir, store, say },
    max: () => config.max_worktrees,
    projectName: (id) => yard.projectName(id),
    changed: () => dispatcher.wake(),
  });
  const checks = new WorkChecks({
    ...{ ...machine, home: home.dir, store, say, env: { ...env }, config: ofProject },
    grace: () => config.headless.grace,
  });
  const attempts = new Attempts({
    ...{ home: home.dir, store, runner, files, clock, chance, say, workspaces: worktrees, checks },
    config: ofProject,
    limits: () => quota.limits().allowance,
    program: (kind) => (kind === 'headless' ? headless.runs : commands),
    freed: (task) => {
      load.free(task);
      dispatcher.freed(task.project);
    },
    offline: (agent, reason) => offline.add(agent, reason),
  });
  const packing = new Packing({ ...machine, store, config: ofProject });
  const composer = new DelegatedPrompts({
    ...{ home: home.dir, files, store, packing, workspaces: worktrees, checks, config: ofProject },
  });
  const workers = new Workers({
    ...{ home: home.dir, store, files, clock, chance, say, workspaces: worktrees, checks, composer },
    config: ofProject,
    settings: () => config.workers,
    taken: (name) => takenName(name, fleet()),
    capabilities: () => fleet().agents.flatMap((agent) => (agent.kind === 'worker' ? [] : agent.capabilities)),
    unbegun: (name) => load.unbegun(name),
    ttl: (task) => ttlOfWorker(task, settings.of(task.project), quota.limits().allowance),
    changed: () => dispatcher.wake(),
  });
  const delegations = new Delegations({
    ...{ store, files, clock, chance },
    providers: () => providers.all(),
    settings: () => settingsOf(config),
    composer,
    answers: new DelegatedAnswers({
      ...{ ...machine, home: home.dir, store, say, workspaces: worktrees, checks, config: ofProject },
    }),
    afterFailure: (task, failure) =>
      afterFailure(failure, retrySituation(task, { config: settings.of(task.project), clock, chance })),
    ttl: (task) => boundedTtl(ttlOfTask(task, config), payers(task.route), quota.limits().allowance),
    changed: () => dispatcher.wake(),
    report: ({ task, provider, message }) => say('warn', message, { task: task.id, provider }),
  });
  const callbacks = new Callbacks({
    ...{ store, clock, chance, config, version, say },
    poster: httpPoster(),
    env: { ...env },
  });
  const watcher = new KernelWatcher({ degraded });
  const sessions = new Sessions({
    ...{
      ...machine,
      home: home.dir,
      userHome,
      store,
      watcher,
      config,
      say,
      workspaces: worktrees,
      checks,
      live: () => load.sessions(),
    },
    ...personsTmux({ home: home.dir, config, env }),
    agent: sessionAgent,
    headless: {
      writerOf: (conversation) => headless.runs.writerOf(conversation),
      asker: (name) => headless.runs.asker(name),
      answered: (request) => headless.runs.answered(request),
    },
    of: ofProject,
    limits: () => quota.limits().allowance,
    env: { ...env },
    projectName: (id) => yard.projectName(id),
    freed: (task) => {
      load.free(task);
      dispatcher.freed(task.project);
    },
    changed: () => dispatcher.wake(),
  });
  const headless = new Headless({
    ...{ ...machine, home: home.dir, userHome, store, watcher, config, say, sessions, which },
    ...{ agent: sessionAgent, headless: headlessAgent, of: ofProject, env: { ...env } },
    projectName: (id) => yard.projectName(id),
    changed: () => dispatcher.wake(),
  });
  const launcher = (kind: AgentRoute['kind']) =>
    kind === 'session' ? sessions : kind === 'worker' ? workers : attempts;
  const waits = new LaneWaits({
    ...{ store, clock },
    newest: (limit) => store.events({ limit }),
    report: (problem) => say('error', 'it could not be recorded that tasks wait', { error: String(problem) }),
  });
  const holdEnds = new HoldEnds({ store, clock, say });
  const dispatcher = new Dispatcher({
    ...{ store, clock, load, fleet, waits },
    ageStep: () => config.order.age_step,
    launch: {
      launch: (claimed) => launcher(claimed.route.kind).launch(claimed),
      delegate: async ({ lease, task, bytes }) => {
        void delegations.submit(lease, task, bytes); // settles with the provider's answer, for which nothing else waits
      },
    },
    report: (problem, ref) => say('error', 'a task could not be dispatched', { task: ref.id, error: String(problem) }),
  });
  const follower = new ConfigFollower({
    ...{ clock, settings, say },
    watcher: new KernelWatcher(), // what it misses is read every few seconds: nobody need be told
    readUser: textOf,
    readProject: async (path) => {
      const bytes = await files.read(path, MAX_PROJECT_CONFIG);
      return bytes && Buffer.from(bytes).toString();
    },
    projects: () => store.projects().filter(({ id }) => store.owns(id)),
    record: (code, message, project) => store.note(code, message, { ...(project && { project }) }),
  });
  const taken = { store, config, home: home.dir, gauge };
  const inboxes = new Inboxes({
    ...{ ...machine, watcher, store, config, say },
    admit: (tasks, cause) => admit(taken, tasks, cause),
    edited: (ref) => store.reread(ref),
  });
  const projects = new Projects({
    ...{ ...machine, config, store, userHome, say, worktrees: treesIn(home.dir) },
    adopted: async (project) => {
      await follower.open(project); // before its first task can run
      await inboxes.open(project);
    },
  });
  const dispatchFiles = new DispatchFiles({
    ...{ ...machine, watcher, store, config, say },
    dir: join(home.dir, 'dispatch'),
    key: () => signingKey(config.intake_key_env, env),
    rules: () => ({ checks: new Set(Object.keys(config.checks)), callbacks: config.callbacks }),
    resolve: (path, options) => projects.resolve(path, options),
    route: (task) => yard.route(task),
    admit: (tasks, cause) => admit(taken, tasks, cause),
    projectName: (id) => yard.projectName(id),
    tidy: tidier({ files, clock, store, config }),
  });
  const reports = new Reports({
    ...{ store, files, clock, say },
    places: (outgoing) => reportPlaces(outgoing, dispatchFiles),
  });
  const heartbeat = new Heartbeat({
    ...{ path: join(home.dir, 'heartbeat.json'), files, clock, store, version, pid: process.pid, say },
  });
  const past = new PastEvents(files, home.journal, store.epoch);
  const retention = new Retention({
    ...{ ...machine, config, store, past, say },
    runs: home.runs,
    projectName: (id) => yard.projectName(id),
    record: (code, message) => store.note(code, message),
  });
  const sinks = new Sinks({
    ...{ ...machine, store, version, say, home: home.dir, env: { ...env }, config },
    poster: httpPoster(),
    records: (from) => eventsFrom(store, past, from),
    projectName: (id) => yard.projectName(id),
  });
  const orphans = new Orphans({
    ...{ home: home.dir, clock, marked: machine.marked, store, say },
    projectName: (id) => yard.projectName(id),
    grace: () => config.headless.grace,
  });
  const yard: Desk = new Desk({
    ...{
      config,
      clock,
      files,
      gauge,
      store,
      version,
      home: home.dir,
      projects,
      dispatcher,
      delegations,
      load,
      packing,
      inboxes,
      fleet,
    },
    offline: offline.reasons,
    ...{ settings, past, retention, quota },
    sinks: () => sinks.views(),
    sessions: headless.desk,
    progress: headless.progress,
    worktrees,
    workers,
    moreNeeds: () => [
      ...sessions.needs(),
      ...worktrees.needs(),
      ...inboxes.needs(),
      ...workers.needs(),
      ...dispatchFiles.needs(),
      ...callbacks.needs(),
      ...sinks.needs(),
      ...delegations.needs(),
      ...orphans.needs(),
    ],
    settled: () => inboxes.settled && dispatchFiles.settled,
    orphans,
    stopping: () => windDown.state,
    reload: () => follower.reload(),
  });
  settings.onChange(() => {
    setLogLevel();
    offline.forgive();
    projects.look();
    sessions.configured();
    headless.configured();
    callbacks.configured();
    sinks.configured();
    dispatchFiles.configured();
    quota.configured();
    hideFromChildren(keyVariables(config));
    void providers.update(config).then(() => {
      delegations.configured();
      dispatcher.wake();
    });
    dispatcher.wake();
  });

  const windDown = new WindDown({
    ...{ clock, say },
    wait: () => config.shutdown.wait,
    grace: () => config.headless.grace,
    halt: async () => {
      workers.halt();
      await inboxes.stop();
      await dispatchFiles.stop();
      await dispatcher.stop();
    },
    atWork: () =>
      [...attempts.atWork(), ...delegations.atWork()].map((task) => atWork(task, yard.projectName(task.project))),
    subscribe: (changed) => store.subscribe(changed),
    endAll: async () => {
      const why = 'a person ended it, together with the runtime';
      await Promise.all([attempts.endAll(why), delegations.endOwn(why)]);
    },
    endMortal: () => delegations.endOwn('it was not done when the runtime ended'),
  });
  const recover = async (): Promise<void> => {
    await projects.start();
    await worktrees.start(); // before any attempt ends
    await attempts.start();
    await sessions.start();
    await workers.start(); // before the dispatcher hears of changes
    await delegations.start();
    callbacks.start();
    sinks.start();
    await dispatchFiles.start();
    reports.start();
    heartbeat.start();
    await waits.start();
    dispatcher.start();
    quota.start();
    holdEnds.start();
    follower.start();
    retention.start();
    orphans.start();
  };
  const stop = async (): Promise<void> => {
    await follower.stop();
    await retention.stop();
    await dispatchFiles.stop();
    orphans.stop();
    await quota.stop();
    await holdEnds.stop();
    await projects.stop();
    await inboxes.stop();
    workers.halt();
    await dispatcher.stop();
    workers.stop();
    await waits.stop();
    checks.close();
    await attempts.stop();
    headless.stop();
    await sessions.stop();
    await worktrees.stop();
    await runner.close();
    await delegations.stop();
    await callbacks.stop();
    offline.stop();
    await providers.close();
    await reports.stop();
    await heartbeat.stop();
    await sinks.stop(); // after everything that makes events
    await store.close();
  };
  let stopping: Promise<void> | undefined;
  return {
    yard,
    ready: recover(),
    http: config.http,
    caller: (token) => callerOf(store, token),
    sessionCaller: (conversation) => sessions.caller(conversation) ?? headless.caller(conversation),
    reload: () => follower.reload(),
    windDown,
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}

function atWork(task: LiveTask, project: string): RunAtWork {
  const since = task.state === 'running' ? task.started_at : task.claimed_at;
  const agent = task.route.to === 'agent' ? task.route.agent : task.route.provider;
  return {
    name: `${project}/${task.id}`,
    agent,
    attempt: task.attempt,
    since,
    ...(task.route.to === 'provider' && { begins_again: true }),
  };
}

/** Links are followed here: dotfiles often are some. */
function textOf(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}
