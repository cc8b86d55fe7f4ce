import { describe } from 'vitest';
import { changeStories } from './task-store/changes.ts';
import { claimStories } from './task-store/claims.ts';
import { dependencyStories } from './task-store/dependencies.ts';
import { endStories } from './task-store/ends.ts';
import { enqueueStories } from './task-store/enqueue.ts';
import { holdStories } from './task-store/holds.ts';
import { listStories } from './task-store/lists.ts';
import { repeatStories } from './task-store/repeats.ts';
import { restartStories } from './task-store/restarts.ts';
import type { MakeStore } from './task-store/world.ts';

export type { MakeStore } from './task-store/world.ts';

/** What any engine of the queue must do. Each story gets a store of its own from `make`. */
export function taskStoreSuite(name: string, make: MakeStore): void {
  describe(`${name} is a task store`, () => {
    describe('enqueue', () => enqueueStories(make));
    describe('claims and leases', () => claimStories(make));
    describe('ends, cancel, retry', () => endStories(make));
    describe('retry with changes', () => changeStories(make));
    describe('dependencies', () => dependencyStories(make));
    describe('holds', () => holdStories(make));
    describe('lists and changes', () => listStories(make));
    describe('the same call again', () => repeatStories(make));
    describe('restart', () => restartStories(make));
  });
}
