import { execFileSync } from 'node:child_process';
import {
  appendFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished, vi } from 'vitest';
import type {
  AgentFailure,
  Heard,
  LiveState,
  ScreenReading,
  SessionAgent,
  StartOrder,
} from '../../../../src/runtime/agents/agent.ts';
import { DiskFiles } from '../../../../src/runtime/io/files.ts';
import { Config } from '../../../../src/runtime/model/config.ts';
import type { ToldEvent } from '../../../../src/runtime/model/event.ts';
import type { TaskRef } from '../../../../src/runtime/model/ids.ts';
import { isRefusal, refuse } from '../../../../src/runtime/model/refusal.ts';
import type { AgentRoute } from '../../../../src/runtime/model/route.ts';
import { TaskSpec, type TaskSpecInput } from '../../../../src/runtime/model/spec.ts';
import type { Recovered, Runner } from '../../../../src/runtime/ports.ts';
import { runDirOf } from '../../../../src/runtime/runs/order.ts';
import type { AgentRequest, SessionAttemptPorts } from '../../../../src/runtime/sessions/attempts/attempt-ports.ts';
import { SessionAttempts } from '../../../../src/runtime/sessions/attempts/attempts.ts';
import { type RunRecord, readRecord } from '../../../../src/runtime/sessions/attempts/run-record.ts';
import type { Seat, SeatNews } from '../../../../src/runtime/sessions/seats.ts';
import type { PaneProgram, PaneView } from '../../../../src/runtime/terminals.ts';
import { MemoryStore } from '../../../fakes/memory-store.ts';
import { projectFolders, unchecked } from '../../../fakes/plain-work.ts';
import { seededChance } from '../../../fakes/seeded-chance.ts';
import { VirtualClock } from '../../../fakes/virtual-clock.ts';

/*
 * Attempts in sessions without any: agents are entries of a table, their hooks are files that a test writes, time stands
 * still. Files, and the store's laws, are real.
 */

type Process = { kind: 'waiting' } | { kind: 'running'; pid: number } | { kind: 'dead' } | { kind: 'fenced' };

export async function world(config: unknown = {}) {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'yard-attempts-')));
  const clock = new VirtualClock();
  const store = new MemoryStore(clock);
  const files = new DiskFiles({ file: 0o600, dir: 0o700 });
  const project = await store.adoptProject(join(root, 'shop'), 'shop');
  const watches = new Map<string, Set<(name: string | null) => void>>();
  const runs = new Map<string, Process>();
  const seats = new MemorySeats(
    (dir, pid) => runs.set(dir, { kind: 'running', pid }),
    (dir) => runs.get(dir)?.kind,
  );
  const events: ToldEvent[] = [];
  const said: string[] = [];
  const freed: TaskRef[] = [];
  const agent = new TableAgent();
  const requests = {
    opened: [] as AgentRequest[],
    closed: [] as string[],
    denied: [] as string[],
    recovered: [] as string[],
  };
  const failures: { profile: string; failure: AgentFailure }[] = [];
  const messages: string[] = [];
  const state = {
    config: Config.parse(config),
    profile: { name: 'default' } as ReturnType<SessionAttemptPorts['profiles']['choose']>,
    message: 'delivered' as Awaited<ReturnType<SessionAttemptPorts['message']>>,
    screen: undefined as string | undefined,
    rests: true,
  };
  const runner = memoryRunner(runs);
  const ports: SessionAttemptPorts = {
    headless: { writerOf: () => undefined },
    ...{ home: join(root, 'home'), userHome: join(root, 'person'), store, runner, files, clock, seats },
    chance: seededChance(7),
    watcher: {
      watch: (dir, changed) => {
        const all = watches.get(dir) ?? new Set();
        watches.set(dir, all.add(changed));
        return { close: () => void all.delete(changed) };
      },
    },
    agent: () => agent,
    profiles: {
      choose: () => state.profile,
      failed: async (_, profile, failure) => {
        failures.push({ profile, failure });
        return { rests: state.rests };
      },
      used: async () => {},
    },
    workspaces: projectFolders(store),
    checks: unchecked,
    requests: {
      opened: (request) => void requests.opened.push(request),
      closed: (request, how) => void requests.closed.push(`${request.tool}: ${how}`),
      deny: async (request, reason) => {
        requests.denied.push(`${request.tool}: ${reason}`);
        return 'denied';
      },
      recovered: async (dir) => void requests.recovered.push(dir),
    },
    config: () => state.config,
    limits: () => state.config.allowance,
    env: { PATH: '/usr/bin:/bin', TERM: 'dumb', SECRET: 'no' },
    message: async (_, text) => {
      messages.push(text);
      return state.message;
    },
    screen: async () => state.screen,
    reporter: async () => '/home/reporter.sh',
    record: async (event) => void events.push(event),
    freed: (ref) => void freed.push(ref),
    say: (_, message) => void said.push(message),
  };
  let attempts = new SessionAttempts(ports);
  await attempts.start();
  onTestFinished(async () => {
    await attempts.stop();
    await rm(root, { recursive: true, force: true, maxRetries: 5 });
  });
  let reports = 0;

  const dirOf = (ref: TaskRef, attempt = 1) => runDirOf(ports.home, ref, attempt);
  const ring = (dir: string, name: string | null) => {
    for (const changed of watches.get(dir) ?? []) changed(name);
  };
  return {
    ...{ root, clock, store, files, project, seats, runs, events, said, freed, agent, requests, failures, messages },
    ...{ state, ports, dirOf },
    get attempts() {
      return attempts;
    },
    /** The next runtime; the one before is gone without a word. */
    async restart() {
      await attempts.stop();
      watches.clear();
      attempts = new SessionAttempts(ports);
      await attempts.start();
    },
    async task(spec: TaskSpecInput = {}, body = 'Do it.'): Promise<TaskRef> {
      const parsed = TaskSpec.parse({ title: 'A task', ...spec });
      const bytes = Buffer.from(body);
      const [made] = await store.enqueue(
        [{ project: project.id, spec: parsed, title: 'A task', bytes, source: 'call', enqueued_by: 'owner' }],
        { by: 'owner' },
      );
      if (!made || isRefusal(made)) throw new Error('not enqueued');
      return made.ref;
    },
    async claim(ref: TaskRef, seat = 'ccl-1') {
      const route: AgentRoute = { to: 'agent', agent: seat, kind: 'session', model: 'sonnet', rules: [] };
      const claimed = await store.claim(ref, route);
      if (isRefusal(claimed)) throw new Error(claimed.message);
      return { ...claimed, route };
    },
    /** A task that is at work in the seat, its prompt confirmed. */
    async working(spec: TaskSpecInput = {}, seat = 'ccl-1') {
      const ref = await this.task(spec);
      await this.launch(ref, seat);
      await this.confirm(ref);
      return ref;
    },
    async launch(ref: TaskRef, seat = 'ccl-1') {
      await attempts.launch(await this.claim(ref, seat));
    },
    async confirm(ref: TaskRef, attempt = 1) {
      const { nonce } = await this.record(ref, attempt);
      await this.report(ref, { kind: 'prompt', prompt: `do it. Attempt: ${nonce}`, prompt_id: 'p1' }, { attempt });
      await vi.waitFor(() => {
        if (attempts.view('ccl-1')?.state === 'starting') throw new Error('it starts yet');
      });
    },
    async record(ref: TaskRef, attempt = 1): Promise<RunRecord> {
      const record = await readRecord(files, dirOf(ref, attempt));
      if (!record) throw new Error(`no record of ${ref.id}`);
      return record;
    },
    /** A hook reports; without `quietly` the watch hears of it. */
    async report(ref: TaskRef, heard: Heard, more: { attempt?: number; quietly?: boolean; of?: string } = {}) {
      const dir = dirOf(ref, more.attempt);
      const { conversation, transcript } = await this.record(ref, more.attempt);
      if (heard.kind === 'turn_ended' && more.of === undefined) {
        agent.last = { ...agent.last, text: heard.message }; // its answer stands in its conversation by then
        await mkdir(dirname(transcript), { recursive: true });
        await appendFile(transcript, '');
      }
      const name = `${String(++reports).padStart(8, '0')}-1-${heard.kind}`;
      const path = join(dir, 'hooks', `${name}.json`);
      if (heard.kind === 'asks') execFileSync('mkfifo', [join(dir, 'answers', name)]); // before the report, as the reporter does
      const temp = join(dir, 'hooks', `.${name}`);
      await writeFile(temp, JSON.stringify({ conversation: more.of ?? conversation, heard }));
      const now = clock.now() / 1_000;
      await utimes(temp, now, now);
      await rename(temp, path);
      if (!more.quietly) ring(join(dir, 'hooks'), `${name}.json`);
      return name;
    },
    live(pid: number, status: LiveState['status'], conversation: string, waiting_for?: string) {
      agent.lives.set(pid, { status, conversation, at: clock.now(), ...(waiting_for && { waiting_for }) });
      ring(join(root, 'person', '.claude', 'sessions'), `${pid}.json`);
    },
    die(ref: TaskRef, attempt = 1) {
      runs.set(dirOf(ref, attempt), { kind: 'dead' });
    },
    async state_of(ref: TaskRef) {
      return (await store.get(ref))?.state;
    },
    hooksOf: (ref: TaskRef) => readdir(join(dirOf(ref), 'hooks')),
    prompt: (ref: TaskRef, attempt = 1) => readFile(join(dirOf(ref, attempt), 'prompt.md'), 'utf8'),
  };
}

export type World = Awaited<ReturnType<typeof world>>;

/** Seats that are there and do as they are told, unless a test says otherwise. */
export class MemorySeats {
  readonly seats = new Map<string, Seat>();
  readonly taken: { name: string; program: PaneProgram }[] = [];
  readonly log: string[] = [];
  readonly #listeners = new Set<(news: SeatNews) => void>();
  readonly #run: (dir: string, pid: number) => void;
  readonly #isFenced: (dir: string) => string | undefined;
  #pid = 1_000;
  /** What a take answers, and whether the program starts after all. */
  trouble: { kind: 'refused' | 'unconfirmed'; starts: boolean } | undefined;

  constructor(run: (dir: string, pid: number) => void, isFenced: (dir: string) => string | undefined) {
    this.#run = run;
    this.#isFenced = isFenced;
    for (const name of ['ccl-1', 'ccl-2']) this.add(name, 'autonomous');
  }

  add(name: string, kind: Seat['kind']) {
    const pane = { pane: '%1', pid: 10, facts: {}, life: { kind: 'live' } } as unknown as PaneView;
    this.seats.set(name, { name, agent: 'claude', kind, cwd: '/', presence: { kind: 'there', pane }, draining: false });
  }

  all = () => [...this.seats.values()];
  get = (name: string) => this.seats.get(name);

  take = async (name: string, program: PaneProgram) => {
    this.log.push(`take ${name}`);
    this.taken.push({ name, program });
    const pid = ++this.#pid;
    const dir = program.env.YARDMASTER_RUN_DIR ?? '';
    if (!this.trouble || this.trouble.starts) {
      if (this.#isFenced(dir) !== 'fenced') this.#run(dir, pid);
      this.see(name, {
        kind: 'there',
        pane: { pane: '%1', pid, facts: program.facts, life: { kind: 'live' } } as unknown as PaneView,
      });
    }
    if (this.trouble?.kind === 'refused') return refuse('busy', 'tmux says no', 'look');
    if (this.trouble?.kind === 'unconfirmed') return { unconfirmed: true, reason: 'the client was killed' } as const;
    return { pane: '%1', pid };
  };

  see(name: string, presence: Seat['presence']) {
    const seat = this.seats.get(name);
    if (seat) this.seats.set(name, { ...seat, presence });
  }

  vacate = async (name: string) => {
    this.log.push(`vacate ${name}`);
    this.see(name, {
      kind: 'there',
      pane: { pane: '%1', pid: 10, facts: {}, life: { kind: 'live' } } as unknown as PaneView,
    });
  };
  note = async () => {};
  cool = (name: string, reason: string) => void this.log.push(`cool ${name}: ${reason}`);
  subscribe = (listener: (news: SeatNews) => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  tell(news: SeatNews) {
    for (const listener of this.#listeners) listener(news);
  }
}

function memoryRunner(runs: Map<string, Process>): Runner {
  const look = async (dir: string): Promise<Recovered | { kind: 'not_begun' }> => {
    const run = runs.get(dir);
    switch (run?.kind) {
      case 'running':
        return { kind: 'running', pid: run.pid };
      case 'dead':
        return { kind: 'lost', reason: 'its process has ended' };
      case 'fenced':
        return { kind: 'never_started' };
      default:
        return { kind: 'not_begun' };
    }
  };
  const unused = () => {
    throw new Error('not for sessions');
  };
  return {
    clear: unused,
    start: unused,
    ended: unused,
    enclose: (_dir, _run, argv) => [...argv],
    look,
    recover: async (dir) => {
      if (!runs.has(dir)) runs.set(dir, { kind: 'fenced' });
      return (await look(dir)) as Recovered;
    },
    stop: async (dir) => {
      if (runs.get(dir)?.kind === 'running') runs.set(dir, { kind: 'dead' });
      return { kind: 'lost', reason: 'it was stopped' };
    },
    dismiss: async (dir) => void runs.set(dir, { kind: 'dead' }),
    journalled: () => {},
    close: async () => {},
  };
}

/** An agent that is a few tables. */
export class TableAgent implements SessionAgent {
  readonly program = 'claude';
  readonly keeps = [];
  readonly reports = true;
  readonly names = 'as_told';
  readonly orders: StartOrder[] = [];
  readonly lives = new Map<number, LiveState>();
  /** What stands in a transcript beside our prompts. */
  last: { text: string; stop_reason?: string; model?: string } | undefined;
  reading: ScreenReading = { kind: 'unknown' };
  refused: ReturnType<typeof refuse> | undefined;

  compose(order: StartOrder) {
    this.orders.push(order);
    return {
      argv: ['agent', order.prompt] as [string, ...string[]],
      env: { OWN: '1' },
      files: [{ name: 'settings.json', text: '{}' }],
    };
  }
  hear(report: { name: string; at: number; text: string }) {
    try {
      const { conversation, heard } = JSON.parse(report.text) as { conversation: string; heard: Heard };
      return { report: report.name, at: report.at, conversation, heard };
    } catch {
      return undefined;
    }
  }
  answer = () => '';
  accept = async () => this.refused;
  transcript({ home, config_dir, conversation }: { home: string; config_dir?: string; conversation: string }) {
    return join(config_dir ?? join(home, '.claude'), `${conversation}.jsonl`);
  }
  async read(files: { read(path: string): Promise<Uint8Array | undefined> }, path: string) {
    const bytes = await files.read(path);
    if (bytes === undefined) return undefined;
    const text = Buffer.from(bytes).toString();
    const usage = { input_tokens: 10, output_tokens: 5, cache_read_tokens: 0, cache_write_tokens: 0, cost_usd: 0.5 };
    return {
      usage,
      spent: [{ tokens: usage }],
      ...(this.last && { answer: this.last }),
      holds: (what: string) => text.includes(what),
    };
  }
  messages = async () => [];
  live = async (_: unknown, { pid }: { pid: number }) => this.lives.get(pid);
  others = async () => [];
  liveDir = ({ home, config_dir }: { home: string; config_dir?: string }) =>
    join(config_dir ?? join(home, '.claude'), 'sessions');
  screen = () => this.reading;
}
