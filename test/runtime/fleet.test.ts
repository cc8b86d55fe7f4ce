import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildFleet } from '../../src/runtime/fleet.ts';
import type { FleetSessions } from '../../src/runtime/fleet-sessions.ts';
import { Load } from '../../src/runtime/load.ts';
import { Config } from '../../src/runtime/model/config.ts';
import type { ProjectId } from '../../src/runtime/model/ids.ts';
import type { RunRoute } from '../../src/runtime/model/route.ts';
import { TaskSpec } from '../../src/runtime/model/spec.ts';
import { isLive, type OpenTask } from '../../src/runtime/model/task.ts';
import { LOCALLY_KEPT } from '../../src/runtime/policy/abilities.ts';
import { askFor } from '../../src/runtime/policy/ask.ts';
import { decide } from '../../src/runtime/policy/decide.ts';
import type { Seat } from '../../src/runtime/sessions/seats.ts';
import type { PaneFacts, PaneView } from '../../src/runtime/terminals.ts';
import { VirtualClock } from '../fakes/virtual-clock.ts';
import { MemoryStore, OTHER, PROJECT } from './dispatcher/memory-store.ts';

const RUN: RunRoute = { to: 'agent', agent: 'worker', kind: 'command', rules: [] };
const FAR: RunRoute = { to: 'provider', provider: 'far', rules: [] };

function counted() {
  const store = new MemoryStore(new VirtualClock());
  const load = new Load();
  store.subscribe((changes) => load.apply(changes));
  return { store, load };
}

const seen = (load: Load) => ({
  worker: load.agent('worker'),
  far: load.provider('far'),
  headless: load.headless,
  running: [PROJECT, OTHER].map((id) => load.running(id)),
  checkout: [PROJECT, OTHER].map((id) => load.inCheckout(id)),
});

const none = { windows: () => undefined, prices: () => false };
const unknown = { windows: () => undefined, occupied: () => false };

describe('coding agents without a terminal', () => {
  const places = (config: unknown, more: Partial<Parameters<typeof buildFleet>[0]> = {}) => {
    const headless = { ...none, keeps: () => ['continues'], gate: () => undefined };
    const parts = { projects: [], load: new Load(), paused: { all: false, projects: new Set<ProjectId>() } };
    const { agents } = buildFleet({ ...parts, config: Config.parse(config), providers: [], headless, ...more });
    return agents.filter(({ kind }) => kind === 'headless');
  };
  const usual = (config: unknown) => places(config).flatMap(({ id, when_named }) => (when_named ? [] : [id]));

  it('are there when the configuration speaks of them, else for tasks that name them', () => {
    expect(places({}).map(({ id }) => id)).toEqual(['claude', 'codex', 'gemini']);
    expect(usual({ agents: { codex: {} } })).toEqual(['codex']);
    expect(usual({ dispatcher: { default_agent: 'gemini' } })).toEqual(['gemini']);
    expect(usual({ projects: [{ name: 'shop', path: '/shop', agent: 'claude' }] })).toEqual(['claude']);
    expect(usual({ pool: { autonomous: { max: 2, agent: 'codex' } } })).toEqual(['codex']);
    expect(usual({ pool: { dedicated: [{ name: 'main', project: '/shop' }] } })).toEqual(['claude']);
  });

  it('are Claude Code alone where nothing else is configured at all', () => {
    expect(usual({})).toEqual(['claude']);
    expect(usual({ agents: { worker: { command: ['x'] } } })).toEqual([]);
    const far = { kind: 'jobs', base_url: 'https://x.example' };
    expect(usual({ delegation: { providers: { far } } })).toEqual([]);
  });

  it('take as many as they may, and say why they can take none', () => {
    const [claude] = places({ agents: { claude: { max: 3 } } });
    expect(claude).toMatchObject({
      max: 3,
      load: 0,
      status: 'available',
      keeps: expect.arrayContaining(['continues']),
      takes_model: true,
    });
    const gate = () => ({ reason: 'claude is not on the PATH', missing: true as const });
    const [missing] = places({}, { headless: { ...none, keeps: () => [], gate } });
    expect(missing).toMatchObject({ status: 'offline', detail: 'claude is not on the PATH', missing: true });
    const [refused] = places({}, { offline: new Map([['claude', 'its folder is not trusted']]) });
    expect(refused).toMatchObject({ status: 'offline', detail: 'its folder is not trusted' });
  });
});

describe('load', () => {
  it('counts a claim once, whether its reservation or its change comes first', async () => {
    const { store, load } = counted();
    const [task] = store.add({ id: 'a' });
    load.reserve(task!, task!.spec, RUN);
    const reserved = seen(load);
    expect(reserved).toMatchObject({ worker: 1, headless: 1, running: [1, 0], checkout: [1, 0] });
    await store.claim(task!, RUN);
    expect(seen(load)).toEqual(reserved);
    load.release(task!); // too late to matter: the task is live
    expect(seen(load)).toEqual(reserved);
    store.end('a');
    expect(seen(load)).toMatchObject({ worker: 0, headless: 0, running: [0, 0] });
  });

  it('counts a delegated task for its project and provider, never for a checkout', async () => {
    const { store, load } = counted();
    const [task] = store.add({ id: 'a' });
    await store.claim(task!, FAR);
    expect(seen(load)).toMatchObject({ worker: 0, far: 1, headless: 0, running: [1, 0], checkout: [0, 0] });
  });

  it('says when a place was last heard of, of a provider too, and of a worker only what it says itself', async () => {
    const { store, load } = counted();
    const [a, b, c] = store.add({ id: 'a' }, { id: 'b', project: OTHER }, { id: 'c', spec: { workspace: 'worktree' } });
    expect(load.heardAt('worker')).toBeUndefined();
    await store.claim(a!, RUN);
    await store.claim(b!, FAR);
    await store.claim(c!, { ...RUN, agent: 'outside', kind: 'worker' });
    const [begun, far] = [load.heardAt('worker'), load.heardAt('far')];
    expect([typeof begun, typeof far, load.heardAt('outside')]).toEqual(['number', 'number', undefined]);
    store.end('a');
    expect(load.heardAt('worker')).toBeGreaterThanOrEqual(begun ?? 0);
  });

  it('equals a count of the open tasks after any history', async () => {
    const step = fc.record({
      act: fc.constantFrom('add', 'claim', 'requeue', 'end'),
      pick: fc.nat(20),
      far: fc.boolean(),
    });
    const property = fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { store, load } = counted();
      for (const [n, { act, pick, far }] of steps.entries()) {
        const open = [...store.tasks.values()];
        const task = open[pick % Math.max(1, open.length)];
        const project = n % 2 ? PROJECT : OTHER;
        const workspace = n % 3 ? 'project' : 'worktree';
        if (act === 'add') store.add({ id: `t${n}`, project, spec: { workspace } });
        else if (!task) continue;
        else if (act === 'claim') await store.claim(task, far ? FAR : RUN);
        else if (act === 'end') store.end(task.id, task.project);
        else if (isLive(task)) store.replace(task.id, requeued, task.project);
        expect(seen(load)).toEqual(seen(new Load(store.tasks.values())));
      }
    });
    await fc.assert(property, { numRuns: 200 });
  });
});

function requeued(task: OpenTask): OpenTask {
  return { ...task, state: 'queued', backoff: true, not_before: 0 } as OpenTask;
}

describe('sessions in the fleet', () => {
  const dedicated = [
    { name: 'shop-main', project: 'shop' },
    { name: 'lost', project: '/away' },
  ];
  const config = Config.parse({
    agents: { claude: { capabilities: ['browser'] } },
    projects: [{ name: 'shop', path: '/code/shop' }],
    pool: { dedicated, autonomous: { prefix: 'auto-', max: 3 } },
  });
  const pane = (name: string, facts: PaneFacts = { state: 'idle' }, command = 'cat'): PaneView => ({
    ...{ pane: '%1', session: name, pid: 1, life: { kind: 'live' }, command, title: '', width: 80, height: 24 },
    ...{ in_mode: false, attached: 0, active_at: 0, home: 'h', facts: { name, ...facts } },
  });
  const seat = (name: string, more: Partial<Seat> = {}): Seat => ({
    ...{ name, agent: 'claude', kind: 'autonomous', cwd: '/code', draining: false },
    presence: { kind: 'there', pane: pane(name) },
    ...more,
  });
  const fleet = (seats: Seat[], more: Partial<FleetSessions> = {}, load = new Load()) =>
    buildFleet({
      ...{ config, projects: [], load, providers: [] },
      paused: { all: false, projects: new Set<ProjectId>() },
      sessions: { seats, keeps: () => ['continues'], ...unknown, profileGate: () => undefined, ...more },
    }).agents;

  it('are agents with one place each, those of one project for its tasks alone', () => {
    const agents = fleet([
      seat('shop-main', { kind: 'dedicated', project: PROJECT }),
      seat('lost', { kind: 'dedicated' }),
      seat('auto-0'),
    ]);
    expect(agents).toMatchObject([
      { id: 'shop-main', kind: 'session', program: 'claude', project: PROJECT, max: 1, status: 'available' },
      { id: 'lost', project: 'p_000000000000' }, // its project can't be had: nobody's tasks, not everybody's
      { id: 'auto-0', capabilities: ['browser'], keeps: [...LOCALLY_KEPT, 'continues'], takes_model: true },
    ]);
    expect(agents[2]).not.toHaveProperty('project');
    expect(agents[2]).not.toHaveProperty('detail');
  });

  it('are ranked: of the own project, waiting for work, with a finished agent in it, to be made', () => {
    const agents = fleet([
      seat('auto-2', { presence: { kind: 'absent' } }),
      seat('auto-1', { presence: { kind: 'there', pane: pane('auto-1', { state: 'working', task: 't' }, 'claude') } }),
      seat('auto-0'),
      seat('shop-main', { kind: 'dedicated', project: PROJECT, presence: { kind: 'absent' } }),
    ]);
    const byRank = agents.toSorted((a, b) => (a.rank ?? 0) - (b.rank ?? 0)).map(({ id }) => id);
    expect(byRank).toEqual(['shop-main', 'auto-0', 'auto-1', 'auto-2']);
  });

  it('say why they take no work, and until when', () => {
    const gone: [Partial<Seat>, object][] = [
      [{ presence: { kind: 'foreign', detail: 'somebody else made it' } }, { detail: 'somebody else made it' }],
      [{ presence: { kind: 'unknown', detail: 'tmux was not found' } }, { detail: 'tmux was not found' }],
      [{ cooling: { until: 7, reason: 'no claude' } }, { detail: 'it rests: no claude', until: 7 }],
      [{ draining: true }, { detail: 'it is closed when it is done' }],
      [
        { presence: { kind: 'there', pane: pane('a', { state: 'adopted' }, 'vim') } },
        { detail: 'a person runs vim in it' },
      ],
    ];
    for (const [more, expected] of gone) {
      expect(fleet([seat('a', more)])).toMatchObject([{ status: 'offline', ...expected }]);
    }
    expect(fleet([seat('a')], { occupied: () => true })).toMatchObject([
      { status: 'offline', detail: 'a person uses the agent in it' },
    ]);
    const gate = { reason: 'every account of claude is paused', until: 9 };
    expect(fleet([seat('a')], { profileGate: () => gate })).toMatchObject([
      { status: 'offline', detail: gate.reason, until: 9 },
    ]);
  });

  it('count beside headless runs, not among them', async () => {
    const { store, load } = counted();
    const [task] = store.add({ id: 'a' });
    await store.claim(task!, { to: 'agent', agent: 'auto-0', kind: 'session', rules: [] });
    expect(load.headless).toBe(0);
    expect([...load.sessions()]).toEqual(['auto-0']);
    expect(fleet([seat('auto-0')], {}, load)).toMatchObject([{ status: 'busy', load: 1, max: 1 }]);
  });
});

describe('fleet', () => {
  const config = Config.parse({
    agents: {
      'lint-bot': { command: ['lint', '{prompt_file}'], capabilities: ['lint'], max: 2 },
      writer: { command: ['write', '--model={model}'] },
    },
    dispatcher: { default_agent: 'writer' },
    projects: [
      { name: 'shop', path: '/code/shop', weight: 2, max_running: 3, agent: 'lint-bot', shared_checkout: true },
    ],
    delegation: {
      default_provider: 'far',
      providers: { far: { kind: 'jobs', base_url: 'https://far.example', max: 7 } },
    },
  });
  const projects = [
    { id: PROJECT, path: '/code/shop', name: 'shop-1', adopted_at: 0 },
    { id: OTHER, path: '/code/site', name: 'site', adopted_at: 0 },
  ];
  const paused = { all: false, projects: new Set<ProjectId>() };
  const providers = [{ id: 'far', ai: ['gpu'] }];

  it('says what the config says, with defaults for projects that it does not name', () => {
    const fleet = buildFleet({ config, projects, load: new Load(), paused, providers });
    expect(fleet.agents).toMatchObject([
      { id: 'lint-bot', capabilities: ['lint'], status: 'available', load: 0, max: 2, takes_model: false },
      { id: 'writer', max: 1, takes_model: true },
    ]);
    expect(fleet.providers).toEqual([{ id: 'far', ai: ['gpu'], status: 'available', load: 0, max: 7 }]);
    expect(fleet.projects.get(PROJECT)).toMatchObject({ weight: 2, max_running: 3, agent: 'lint-bot' });
    expect(fleet.projects.get(OTHER)).toMatchObject({ weight: 1, max_running: 0, agent: 'writer' });
    expect(fleet).toMatchObject({ default_provider: 'far', headless: { running: 0, max: 2 }, paused: false });
    expect(fleet.models).toEqual({ critical: 'opus', default: 'sonnet' });
  });

  it('has no provider that takes anything with local_only, and says why', () => {
    const local = { ...config, local_only: true };
    const fleet = buildFleet({ config: local, projects, load: new Load(), paused, providers });
    expect(fleet.providers).toMatchObject([{ id: 'far', status: 'offline' }]);
    const route = decide(askFor(TaskSpec.parse({ preferred_ai: 'far' })), fleet, 0);
    expect(route).toMatchObject({ to: 'wait', reason: 'no_free_agent', detail: expect.stringMatching(/local_only/) });
  });

  it('shows what is at work, paused and offline', async () => {
    const { store, load } = counted();
    for (const task of store.add({ id: 'a' }, { id: 'b', project: OTHER })) {
      await store.claim(task, { ...RUN, agent: 'lint-bot' });
    }
    const stopped = { all: true, projects: new Set([OTHER]) };
    const offline = new Map([['writer', 'its program is missing']]);
    const away = new Map([['far', { detail: 'it does not answer', until: 7 }]]);
    const providers = [{ id: 'far', ai: [] }];
    const fleet = buildFleet({ config, projects, load, paused: stopped, providers, away, offline });
    expect(fleet.agents).toMatchObject([{ status: 'busy', load: 2 }, { status: 'offline' }]);
    expect(fleet.providers).toMatchObject([{ status: 'offline', detail: 'it does not answer', until: 7 }]);
    expect(fleet).toMatchObject({ paused: true, headless: { running: 2, max: 2 } });
    expect(fleet.projects.get(PROJECT)).toMatchObject({ paused: false, running: 1, checkout_busy: false }); // shared
    expect(fleet.projects.get(OTHER)).toMatchObject({ paused: true, running: 1, checkout_busy: true });
  });
});
