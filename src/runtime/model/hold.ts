import { z } from 'zod';
import type { ProjectId } from './ids.ts';
import type { Cause } from './task.ts';

/* A hold keeps work from beginning: everywhere, in one project, or at one agent (or provider). What runs goes on. */

export type HoldScope =
  | { readonly of: 'fleet' }
  | { readonly of: 'project'; readonly project: ProjectId }
  /** A program, a command, a session, a worker or a provider, by its name in the fleet. */
  | { readonly of: 'agent'; readonly agent: string };

export const HoldKind = z.enum([
  'pause',
  'drain', // somebody waits until nothing of it runs any more
]);
export type HoldKind = z.infer<typeof HoldKind>;

export interface Hold {
  readonly scope: HoldScope;
  readonly kind: HoldKind;
  readonly reason: string;
  readonly at: number;
  readonly by: Cause['by'];
  /** Then it is over by itself; absent for one that is ended by somebody's word. */
  readonly until?: number;
}

export type HoldKey = string;

export function holdKey(scope: HoldScope): HoldKey {
  switch (scope.of) {
    case 'fleet':
      return 'fleet';
    case 'project':
      return `project/${scope.project}`;
    case 'agent':
      return `agent/${scope.agent}`;
  }
}

/** The hold of a scope that is in force. */
export function holdOn(holds: ReadonlyMap<HoldKey, Hold>, scope: HoldScope, now: number): Hold | undefined {
  const hold = holds.get(holdKey(scope));
  return hold && isInForce(hold, now) ? hold : undefined;
}

function isInForce({ until }: Hold, now: number): boolean {
  return until === undefined || until > now;
}

/** Those in force. */
export function holdsAt(holds: ReadonlyMap<HoldKey, Hold>, now: number): readonly Hold[] {
  return [...holds.values()].filter((hold) => isInForce(hold, now));
}

export interface Paused {
  readonly all: boolean;
  readonly projects: ReadonlySet<ProjectId>;
  /** All that is in force: of the fleet, of projects and of agents. */
  readonly holds: readonly Hold[];
}

export function pausedAt(holds: ReadonlyMap<HoldKey, Hold>, now: number): Paused {
  const inForce = holdsAt(holds, now);
  return {
    all: inForce.some(({ scope }) => scope.of === 'fleet'),
    projects: new Set(inForce.flatMap(({ scope }) => (scope.of === 'project' ? [scope.project] : []))),
    holds: inForce,
  };
}

/** What a person holds at the command line only a person changes. */
export function isPersons({ by }: Pick<Hold, 'by'>): boolean {
  return by === 'person';
}
