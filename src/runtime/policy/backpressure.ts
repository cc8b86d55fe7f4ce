import type { ProjectId } from '../model/ids.ts';
import { type Refusal, refuse } from '../model/refusal.ts';

/*
 * When nothing more is taken, why, and when it is worth coming back.
 *
 * B1. What is turned away is not kept, not even in part; what is there already is answered all the same.
 * B2. When to come back follows from how fast tasks have ended lately: 1 s to 1 h. Where none has, nobody can know: a minute.
 * B3. `full`: the queue or the disk has no room. `busy`: the machine has too much to do.
 */

const SHORTEST_S = 1;
const LONGEST_S = 3_600;
const UNKNOWN_S = 60;
const LATELY_MS = 3_600_000;
const MACHINE_S = 30;

/** What the machine has to do, and has left; what can't be told is absent. */
export interface Gauge {
  /** Processes that want a processor, for each processor. */
  readonly load_per_cpu?: number;
  readonly free_memory?: number;
  /** On the disk of the home. */
  readonly free_bytes?: number;
}

export interface MachineLimits {
  readonly max_load_per_cpu: number;
  readonly min_free_memory: number;
  readonly min_free_bytes: number;
}

/** B2. `ends`: when tasks have ended, in any order; `needed`: how many have to end before there is room. */
export function comeBackIn(ends: readonly number[], needed: number, now: number): number {
  const lately = ends.filter((at) => at <= now && at > now - LATELY_MS);
  if (lately.length === 0) return UNKNOWN_S;
  const first = lately.reduce((a, b) => Math.min(a, b)); // there may be too many for arguments
  const each = (now - first) / lately.length;
  return Math.min(LONGEST_S, Math.max(SHORTEST_S, Math.ceil((each * needed) / 1_000)));
}

/** How many more tasks may be open: of all, and of one project; 0 = without limit. */
export interface Bound {
  readonly open: number;
  readonly max: number;
  /** In the configuration. */
  readonly key: string;
  /** Of this one alone. */
  readonly project?: { readonly id: ProjectId; readonly name: string };
}

export function refuseFull({ open, max, key, project }: Bound, ends: readonly number[], now: number): Refusal {
  const seconds = comeBackIn(ends, open - max + 1, now);
  const there = open === 1 ? '1 open task' : `${open} open tasks`;
  const where = project ? `project ${project.name} has ${there}` : `there are ${there}`;
  const message = `${where}, and ${key} is ${max}; nothing more is taken, and nothing of this was kept`;
  const hint = `some have to end first: send it again in about ${spanText(seconds)}; list_tasks {} shows what is open`;
  const full = refuse('full', message, hint);
  return { ...full, retry_after_seconds: seconds, ...(project && { only_project: true as const }) };
}

/** Why this machine takes nothing more now. 0 is no limit. */
export function refuseOverload(gauge: Gauge, limits: MachineLimits, home: string): Refusal | undefined {
  const { load_per_cpu: load, free_memory: memory, free_bytes: disk } = gauge;
  if (below(disk, limits.min_free_bytes)) {
    const message = `the disk of the home has ${disk} bytes left, fewer than limits.min_free_bytes (${limits.min_free_bytes}); nothing was taken`;
    return later(refuse('full', message, `make room at ${home} and try again`));
  }
  if (below(memory, limits.min_free_memory)) {
    const message = `this machine has ${memory} bytes of memory left, fewer than limits.min_free_memory (${limits.min_free_memory}); nothing was taken`;
    return later(refuse('busy', message, AGAIN));
  }
  if (limits.max_load_per_cpu > 0 && load !== undefined && load > limits.max_load_per_cpu) {
    const message = `this machine has a load of ${load.toFixed(2)} for each processor, more than limits.max_load_per_cpu (${limits.max_load_per_cpu}); nothing was taken`;
    return later(refuse('busy', message, AGAIN));
  }
  return undefined;
}

const AGAIN = `send it again in about ${MACHINE_S}s; what runs goes on`;

function below(left: number | undefined, least: number): boolean {
  return least > 0 && left !== undefined && left < least;
}

export function later(refusal: Refusal): Refusal {
  return { ...refusal, retry_after_seconds: MACHINE_S };
}

function spanText(seconds: number): string {
  return seconds < 120 ? `${seconds}s` : `${Math.round(seconds / 60)}m`;
}
