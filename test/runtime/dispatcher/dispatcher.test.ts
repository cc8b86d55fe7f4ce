import { describe, expect, it } from 'vitest';
import { refuse } from '../../../src/runtime/model/refusal.ts';
import type { LiveTask, QueuedTask } from '../../../src/runtime/model/task.ts';
import { askOf } from '../../../src/runtime/policy/ask.ts';
import { decide } from '../../../src/runtime/policy/decide.ts';
import { queuedAgain } from '../../fakes/memory-task.ts';
import { OTHER, PROJECT } from './memory-store.ts';
import { ONE, WIDE, world } from './world.ts';

describe('what starts', () => {
  it('goes in order, one after the other where there is one slot', async () => {
    const { store, ids, settled } = world(ONE);
    store.add(
      { id: 'low', spec: { priority: 'low' } },
      { id: 'first' },
      { id: 'second' },
      { id: 'urgent', spec: { priority: 'critical' } },
    );
    for (const id of ['urgent', 'first', 'second', 'low']) {
      await settled();
      expect(ids().at(-1)).toBe(id);
      store.end(id);
    }
    expect(ids()).toHaveLength(4);
  });

  it('takes a place that was given back before the end of its task is durable', async () => {
    const { store, load, dispatcher, ids, settled } = world(ONE);
    store.add({ id: 'first' }, { id: 'second' }, { id: 'third' });
    await settled();
    expect(ids()).toEqual(['first']);
    load.free({ project: PROJECT, id: store.find('first').id });
    dispatcher.freed(PROJECT);
    await settled();
    expect(ids()).toEqual(['first', 'second']);
    store.end('first');
    await settled();
    expect(ids()).toEqual(['first', 'second']); // its place was given back once
  });

  it('is launched with its lease after the claim, by an agent or by a provider', async () => {
    const providers = { far: { kind: 'jobs', base_url: 'https://far.example' } };
    const { store, launched, settled } = world({ ...ONE, delegation: { providers } });
    store.add({ id: 'here' }, { id: 'there', spec: { preferred_ai: 'far' } });
    await settled();
    expect(launched.sort()).toEqual(['delegate:there', 'run:here']);
  });

  it('has the route that decide answers for the same state', async () => {
    const { store, fleet, clock, ids, settled } = world(ONE);
    store.add({ id: 'a', spec: { complexity_hint: 'simple' } }, { id: 'b' });
    const expected = decide(askOf(store.find('a') as QueuedTask), fleet(), clock.now());
    await settled();
    expect(store.claimed[0]?.route).toEqual(expected);
    const next = decide(askOf(store.find('b') as QueuedTask), fleet(), clock.now());
    expect(next).toMatchObject({ to: 'wait', reason: 'checkout_busy' });
    expect(ids()).toEqual(['a']);
  });

  it('was there before the dispatcher started, too', async () => {
    const { store, dispatcher, ids, settled } = world(ONE);
    await dispatcher.stop();
    store.add({ id: 'a' });
    await settled();
    expect(ids()).toEqual([]);
    dispatcher.start();
    await settled();
    expect(ids()).toEqual(['a']);
  });

  it('shares one slot between two projects', async () => {
    const { store, ids, settled } = world(ONE);
    for (let n = 0; n < 6; n++) store.add({ id: `a${n}` });
    for (let n = 0; n < 3; n++) store.add({ id: `b${n}`, project: OTHER });
    for (let n = 0; n < 6; n++) {
      await settled();
      const last = store.claimed.at(-1)?.ref;
      if (last) store.end(last.id, last.project);
    }
    expect(
      ids()
        .slice(0, 6)
        .filter((id) => id.startsWith('b')),
    ).toHaveLength(3);
  });

  it('passes over what cannot run: an agent that nobody has does not stop the rest', async () => {
    const { store, ids, settled } = world(ONE);
    store.add({ id: 'stuck', spec: { agent: 'nobody', priority: 'critical' } }, { id: 'fine' });
    await settled();
    expect(ids()).toEqual(['fine']);
  });
});

describe('limits', () => {
  const many = (project = PROJECT, spec = {}) => Array.from({ length: 10 }, (_, n) => ({ id: `t${n}`, project, spec }));

  it("keeps an agent's max, and starts the next when one ends", async () => {
    const { store, ids, settled } = world({ ...WIDE, agents: { worker: { command: ['work'], max: 3 } } });
    store.add(...many());
    await settled();
    expect(ids()).toHaveLength(3);
    store.end('t1');
    await settled();
    expect(ids()).toEqual(['t0', 't1', 't2', 't3']);
  });

  it('keeps headless.max_running over all agents together', async () => {
    const agents = { a: { command: ['a'], max: 5 }, b: { command: ['b'], max: 5 } };
    const { store, ids, settled } = world({ ...WIDE, agents, headless: { max_running: 4 } });
    store.add(...many());
    await settled();
    expect(ids()).toHaveLength(4);
  });

  it("keeps a project's max_running, also for delegated tasks", async () => {
    const projects = [{ name: 'shop', path: '/shop', shared_checkout: true, max_running: 2 }];
    const providers = { far: { kind: 'jobs', base_url: 'https://far.example' } };
    const { store, ids, settled } = world({ ...WIDE, projects, delegation: { providers } });
    store.add({ id: 'remote', spec: { preferred_ai: 'far', priority: 'high' } }, ...many());
    await settled();
    expect(ids()).toEqual(['remote', 't0']);
    store.add({ id: 'elsewhere', project: OTHER });
    await settled();
    expect(ids().at(-1)).toBe('elsewhere');
  });

  it('lets a task that was tried in its worktree pass those that wait for room', async () => {
    const { store, ids, settled, dispatcher, trees, clock } = world({ ...WIDE, max_worktrees: 1 });
    const spec = { workspace: 'worktree' as const };
    store.add({ id: 'first', spec });
    await settled();
    store.add({ id: 'second', spec, more: { queued_at: clock.now() - 60_000 } }); // at the head of its lane
    await settled();
    expect(ids()).toEqual(['first']);
    expect(dispatcher.waiting(store.find('second') as QueuedTask)).toMatchObject({ reason: 'worktree_limit' });
    trees.made('first');
    store.replace('first', (task) => queuedAgain(task as LiveTask));
    await settled();
    expect(ids()).toEqual(['first', 'first']);
    trees.gone('first');
    store.end('first');
    await settled();
    expect(ids()).toEqual(['first', 'first', 'second']);
  });

  it('runs one task per checkout, worktrees and other projects beside it', async () => {
    const { store, ids, settled, dispatcher } = world({ ...WIDE, projects: [] });
    store.add({ id: 'a' }, { id: 'b' }, { id: 'tree', spec: { workspace: 'worktree' } }, { id: 'c', project: OTHER });
    await settled();
    expect(ids().sort()).toEqual(['a', 'c', 'tree']);
    expect(dispatcher.waiting(store.find('b') as QueuedTask)).toMatchObject({ reason: 'checkout_busy' });
    store.end('a');
    await settled();
    expect(ids().at(-1)).toBe('b');
  });

  it("tries a full project again when one of its own ends, and an agent's queue when anyone's does", async () => {
    const agents = { a: { command: ['a'], max: 1 }, b: { command: ['b'], max: 1 } };
    const { store, ids, settled } = world({ ...WIDE, agents, projects: [] });
    const tree = { workspace: 'worktree' as const };
    store.add(
      { id: 'a1', spec: { agent: 'a' } },
      { id: 'a2', project: OTHER, spec: { agent: 'a', ...tree } },
      { id: 'b1', spec: { agent: 'b' } },
    );
    await settled();
    expect(ids()).toEqual(['a1']); // a2 waits for the agent, b1 for the checkout
    store.end('a1');
    await settled();
    expect(ids()).toEqual(['a1', 'a2', 'b1']);
  });

  it('claims at most 64 at once, and all in the end', async () => {
    const { store, ids, settled } = world(WIDE);
    store.add(...Array.from({ length: 500 }, (_, n) => ({ id: `t${n}` })));
    while (ids().length < 500) await settled();
    expect(store.mostClaiming).toBe(64);
    expect(new Set(ids()).size).toBe(500);
  });
});

describe('claims', () => {
  it('counts a claim under way, so that slow claims never overfill an agent', async () => {
    const { store, ids, load, settled } = world({ ...WIDE, agents: { worker: { command: ['work'], max: 2 } } });
    let open = () => {};
    store.gate = new Promise((resolve) => {
      open = resolve;
    });
    store.add({ id: 'a' }, { id: 'b' }, { id: 'c' });
    await settled();
    expect([store.claiming, load.agent('worker')]).toEqual([2, 2]);
    store.replace('a', (task) => ({ ...task, title: 'edited meanwhile' }) as QueuedTask);
    await settled();
    expect(store.claiming).toBe(2); // not claimed a second time
    open();
    await settled();
    expect(ids()).toEqual(['a', 'b']);
    expect(load.agent('worker')).toBe(2);
  });

  it('are made once, though the task changes while its claim is under way and there is room for more', async () => {
    const { store, ids, settled } = world(WIDE);
    let open = () => {};
    store.gate = new Promise((resolve) => {
      open = resolve;
    });
    store.add({ id: 'a' });
    await settled();
    store.replace('a', (task) => ({ ...task, title: 'edited meanwhile' }) as QueuedTask);
    await settled();
    expect(store.claiming).toBe(1);
    open();
    await settled();
    expect(ids()).toEqual(['a']);
  });

  it('that are refused start nothing, give their place back and are tried again later', async () => {
    const { store, ids, load, clock, launched, settled } = world(ONE);
    let tries = 0;
    store.beforeClaim = (ref) => {
      if (ref.id !== 'a') return undefined;
      tries += 1;
      return refuse('stale', 'the file has vanished', 'look');
    };
    store.add({ id: 'a', spec: { priority: 'high' } }, { id: 'b' });
    await settled();
    expect(ids()).toEqual(['b']); // its place went to the next one
    expect(launched).toEqual(['run:b']);
    store.end('b');
    await settled();
    expect([tries, load.agent('worker')]).toEqual([1, 0]); // no busy loop
    store.beforeClaim = undefined;
    await clock.advance(1_000);
    expect(ids()).toEqual(['b', 'a']);
  });

  it('that are refused because the task changed are looked at again at once', async () => {
    const { store, ids, settled } = world(ONE);
    store.beforeClaim = (ref) => {
      store.beforeClaim = undefined;
      store.replace(ref.id, (task) => ({ ...task, title: 'edited' }) as QueuedTask);
      return refuse('stale', 'edited', 'look');
    };
    store.add({ id: 'a' });
    await settled();
    expect(ids()).toEqual(['a']);
  });

  it('of a task that is cancelled meanwhile come to nothing', async () => {
    const { store, ids, load, clock, settled } = world(ONE);
    store.beforeClaim = (ref) => {
      store.end(ref.id);
      return refuse('not_found', 'gone', 'look');
    };
    store.add({ id: 'a' });
    await clock.advance(10_000);
    await settled();
    expect([ids().length, load.agent('worker'), clock.pending]).toEqual([0, 0, 0]);
  });

  it('that throw are reported, and so are launches', async () => {
    const { store, launch, problems, load, settled, clock, ids } = world(ONE);
    store.beforeClaim = () => {
      throw new Error('disk full');
    };
    store.add({ id: 'a' });
    await settled();
    expect([String(problems[0]), load.agent('worker')]).toEqual(['Error: disk full', 0]);
    store.beforeClaim = undefined;
    launch.launch = async () => {
      throw new Error('bug');
    };
    await clock.advance(1_000);
    expect([ids().length, String(problems[1]), load.agent('worker')]).toEqual([1, 'Error: bug', 1]);
  });
});

describe('waiting', () => {
  it('is over at the due time, by one timer', async () => {
    const { store, ids, clock, dispatcher, settled } = world(WIDE);
    const at = (ms: number) => ({ not_before: clock.now() + ms });
    store.add(
      { id: 'later', more: at(5_000) },
      { id: 'soon', more: at(1_000) },
      { id: 'retry', more: { ...at(3_000), backoff: true } },
    );
    await settled();
    expect([ids(), clock.pending]).toEqual([[], 1]);
    expect(dispatcher.waiting(store.find('retry') as QueuedTask)).toMatchObject({
      reason: 'backoff',
      until: clock.now() + 3_000,
    });
    await clock.advance(999);
    expect(ids()).toEqual([]);
    await clock.advance(1);
    expect(ids()).toEqual(['soon']);
    await clock.advance(10_000);
    expect(ids()).toEqual(['soon', 'retry', 'later']);
    expect(clock.pending).toBe(0);
  });

  it('reaches times beyond what one timer can hold', async () => {
    const { store, ids, clock, settled } = world(WIDE);
    const days = 86_400_000;
    store.add({ id: 'far', more: { not_before: clock.now() + 60 * days } });
    await settled();
    await clock.advance(59 * days);
    expect(ids()).toEqual([]);
    await clock.advance(days);
    expect(ids()).toEqual(['far']);
  });

  it('for dependencies ends with the last of them', async () => {
    const { store, ids, settled } = world(WIDE);
    const [first] = store.add({ id: 'first', more: { not_before: Number.MAX_SAFE_INTEGER } });
    store.add({ id: 'then', more: { waits_for: [first!.id] } });
    await settled();
    expect(ids()).toEqual([]);
    store.replace('then', (task) => ({ ...task, waits_for: [] }));
    await settled();
    expect(ids()).toEqual(['then']);
  });

  it('while paused, until resumed', async () => {
    const { store, ids, paused, dispatcher, settled } = world(WIDE);
    paused.all = true;
    store.add({ id: 'a' }, { id: 'b', project: OTHER });
    await settled();
    expect(ids()).toEqual([]);
    expect(dispatcher.waiting(store.find('a') as QueuedTask)).toMatchObject({ reason: 'paused' });
    paused.all = false;
    paused.projects.add(PROJECT);
    store.tell('resumed');
    await settled();
    expect(ids()).toEqual(['b']);
    paused.projects.clear();
    store.tell('resumed');
    await settled();
    expect(ids()).toEqual(['b', 'a']);
  });

  it('has no reason when it is only a matter of turns, and refused specs say why', async () => {
    const { store, dispatcher, settled, ids } = world(ONE);
    const [bad] = store.add({ id: 'bad', spec: { needs_claude_code: true, agent: 'worker' } });
    await settled();
    expect(ids()).toEqual([]);
    expect(dispatcher.waiting(bad!)).toMatchObject({
      reason: 'no_eligible_agent',
      detail: expect.stringContaining('exclude'),
    });
    await dispatcher.stop();
    const [fine] = store.add({ id: 'fine' });
    expect(dispatcher.waiting(fine!)).toBeUndefined();
  });

  it('tells how many are ahead', async () => {
    const { store, dispatcher, paused, settled } = world(WIDE);
    paused.all = true;
    const [low] = store.add({ id: 'low', spec: { priority: 'low' } });
    const [first, , third] = store.add(
      { id: 'a' },
      { id: 'b', project: OTHER },
      { id: 'c', spec: { requires: ['x'] } },
    );
    await settled();
    expect([first, third, low].map((task) => dispatcher.ahead(task!))).toEqual([0, 2, 3]);
  });

  it('gives up its place with an edit of the priority and with a cancel', async () => {
    const { store, ids, paused, settled } = world(ONE);
    paused.all = true;
    store.add({ id: 'a' }, { id: 'b' }, { id: 'c' });
    store.replace('c', (task) => ({ ...task, spec: { ...task.spec, priority: 'high' } }));
    store.end('a');
    paused.all = false;
    store.tell('resumed');
    await settled();
    store.end('c');
    await settled();
    expect(ids()).toEqual(['c', 'b']);
  });
});

describe('start and stop', () => {
  it('are idempotent and leave no timer, listener or claim', async () => {
    const { store, ids, launched, clock, dispatcher, settled } = world(ONE);
    dispatcher.start();
    let open = () => {};
    store.gate = new Promise((resolve) => {
      open = resolve;
    });
    store.add({ id: 'a' }, { id: 'later', more: { not_before: clock.now() + 1_000 } });
    await settled();
    expect([store.listeners, clock.pending, store.claiming]).toEqual([2, 1, 1]);
    const stopped = Promise.all([dispatcher.stop(), dispatcher.stop()]);
    open();
    await stopped;
    expect([store.listeners, clock.pending, store.claiming]).toEqual([1, 0, 0]);
    expect(launched).toEqual(['run:a']); // what was claimed is launched
    store.end('a');
    store.add({ id: 'b' });
    await settled();
    expect(ids()).toEqual(['a']);
  });
});

describe('nothing starves', () => {
  it('a low task runs though a critical one arrives for each that ends', async () => {
    const { store, ids, clock, settled } = world(ONE);
    store.add({ id: 'c0', spec: { priority: 'critical' } }, { id: 'low', spec: { priority: 'low' } });
    await settled();
    for (let n = 1; n <= 40 && !ids().includes('low'); n++) {
      store.add({ id: `c${n}`, spec: { priority: 'critical' } });
      store.add({ id: `d${n}`, spec: { priority: 'critical' } });
      await clock.advance(60_000);
      store.end(ids().at(-1) ?? '');
      await settled();
    }
    expect(ids().at(-1)).toBe('low');
    expect(ids().length).toBeLessThanOrEqual(30 + 1 + 4); // three steps of ten minutes, then four dispatches
  });
});
