import { describe, expect, it } from 'vitest';
import type { FleetWorktrees } from '../../../src/runtime/model/fleet.ts';
import { keyOf, TaskId } from '../../../src/runtime/model/ids.ts';
import type { Route } from '../../../src/runtime/model/route.ts';
import type { TaskSpecInput } from '../../../src/runtime/model/spec.ts';
import { type RouteAsk, signatureOf } from '../../../src/runtime/policy/ask.ts';
import { decide } from '../../../src/runtime/policy/decide.ts';
import { fleet, NOW, SHOP, spec } from './fixtures.ts';

const id = (name: string) => TaskId.parse(name);
const key = (name: string) => keyOf({ project: SHOP, id: id(name) });

function trees(more: Partial<FleetWorktrees> = {}): FleetWorktrees {
  return { max: 2, count: 2, roots: new Map(), there: new Set(), kept: [], writers: new Map(), ...more };
}

function route(input: TaskSpecInput, worktrees: FleetWorktrees, more: Partial<RouteAsk> = {}): Route {
  return decide({ spec: spec(input), project: SHOP, ...more }, fleet({ worktrees }), NOW);
}

const TREE = { workspace: 'worktree' } as const;
const waits = { to: 'wait', reason: 'worktree_limit' };
const runs = { to: 'agent' };

describe('the bound on worktrees', () => {
  it('holds who would need one more, and names those that are kept', () => {
    const full = trees({ kept: ['shop/a', 'shop/b'] });
    expect(route(TREE, full)).toMatchObject({
      ...waits,
      detail:
        '2 of 2 worktrees (max_worktrees) are there; shop/a, shop/b are kept for uncommitted work: yardmaster worktrees shows them',
    });
  });

  it('holds nobody else', () => {
    expect(route({}, trees())).toMatchObject(runs);
    expect(route(TREE, trees({ count: 1 }))).toMatchObject(runs);
    expect(route(TREE, trees({ max: 0, count: 100 }))).toMatchObject(runs);
    expect(route({ preferred_ai: 'alpha' }, trees())).toMatchObject({ to: 'provider' });
    expect(route({ preferred_ai: 'alpha', apply: 'worktree' }, trees())).toMatchObject(waits);
  });

  it('does not hold a task that has its worktree, or goes on in one that is there', () => {
    const roots = new Map([[key('a'), key('a')]]);
    const there = new Set([key('a')]);
    expect(route(TREE, trees({ roots, there }), { id: id('a') })).toMatchObject(runs);
    expect(route({ continues: 'a' as never }, trees({ roots, there }))).toMatchObject(runs);
    expect(route(TREE, trees({ roots }), { id: id('a') })).toMatchObject(waits); // it was removed
    expect(route({ continues: 'a' as never }, trees({ roots }))).toMatchObject(waits);
    expect(route({ continues: 'b' as never }, trees({ roots }))).toMatchObject(runs); // that one worked in the checkout
  });
});

it('a worktree has one writer at a time', () => {
  const roots = new Map([
    [key('a'), key('a')],
    [key('b'), key('a')],
  ]);
  const busy = {
    to: 'wait',
    reason: 'checkout_busy',
    detail: 'task b works in the worktree in which this one goes on',
  };
  const writers = new Map([[key('a'), id('b')]]);
  expect(route({ continues: 'a' as never }, trees({ count: 1, roots, writers }))).toMatchObject(busy);
  expect(route({ continues: 'b' as never }, trees({ count: 1, roots, writers }))).toMatchObject(busy);
  expect(route({ continues: 'a' as never }, trees({ count: 1, writers }))).toMatchObject(busy); // its record is still to come
  expect(route(TREE, trees({ count: 1, roots, writers }))).toMatchObject(runs);
});

it('tasks that continue different ones stand in different lanes', () => {
  expect(signatureOf(spec({ continues: 'a' as never }))).not.toBe(signatureOf(spec({ continues: 'b' as never })));
});
