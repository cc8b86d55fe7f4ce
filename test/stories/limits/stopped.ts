import { expect } from 'vitest';
import type { Route } from '../../../src/runtime/model/route.ts';
import type { Client, World } from '../world.ts';

/** How a task shows that a limit keeps it. */
export interface Waits {
  readonly reason: string;
  readonly says: string;
  /** When it may begin; absent where an end decides. */
  readonly until?: string;
}

/** It does not begin: `job_status` and `decide_route` say why and until when, and the next runtime says the same. */
export async function isKept(world: World, client: Client, project: string, id: string, waits: Waits): Promise<void> {
  await saysSo(client, project, id, waits);
  await world.endRuntime('SIGKILL');
  await saysSo(client, project, id, waits);
}

async function saysSo(client: Client, project: string, id: string, { reason, says, until }: Waits): Promise<void> {
  const waiting = { reason, ...(until !== undefined && { until }) };
  expect(await client.one(project, id)).toMatchObject({ state: 'queued', attempts: 0, waiting });
  const { route } = await client.ask<{ route: Route }>('decide_route', { project, id });
  expect(route).toMatchObject({ to: 'wait', reason });
  expect('detail' in route && route.detail).toContain(says);
}

interface Limits {
  readonly allowance?: readonly { of: string; name: string; state: string; limits: readonly { what: string }[] }[];
}

/** What `fleet_status` shows of one limit. */
export async function limitOf(client: Client, name: string, what: string): Promise<object | undefined> {
  const { allowance } = await client.ask<Limits>('fleet_status');
  return allowance?.find((one) => one.name === name)?.limits.find((one) => one.what === what);
}

export function nextMidnight(): string {
  return nextOf(86_400_000);
}

export function nextHour(): string {
  return nextOf(3_600_000);
}

function nextOf(length: number): string {
  return new Date((Math.floor(Date.now() / length) + 1) * length).toISOString();
}

/** A page that ends in the midst of a story would give back what the story has spent. */
export async function awayFromTheHour(): Promise<void> {
  const left = 3_600_000 - (Date.now() % 3_600_000);
  if (left < 60_000) await new Promise((resolve) => setTimeout(resolve, left + 500));
}
