import { z } from 'zod';
import { Holder, LimitName } from './allowance.ts';
import type { Cause } from './task.ts';

/*
 * What is written down about limits beside the use of them (model/books.ts): that a person has changed one at run time, and
 * that somebody was told of one that is nearly or wholly spent.
 */

/** A limit that can be changed at run time: those that are counted, and the longest time of an attempt. */
export const ChangeableLimit = z.enum([
  ...LimitName.options.filter((name) => name !== 'cooldown'),
  'max_job_duration',
  'cooldown',
]);
export type ChangeableLimit = z.infer<typeof ChangeableLimit>;

/** Of these the limit is a length of time, in milliseconds. */
export const LENGTHS: ReadonlySet<ChangeableLimit> = new Set(['max_job_duration', 'cooldown']);

/** It holds in place of what the configuration says. */
export interface LimitChange {
  readonly of: Holder;
  /** As in the configuration: an agent's or a model's name, a project's configured name. */
  readonly name: string;
  readonly what: ChangeableLimit;
  /** 0 = without limit; a duration is in milliseconds. */
  readonly limit: number;
  /** Of a cost. */
  readonly currency?: string;
  readonly reason: string;
  readonly at: number;
  /** Absent in what an older version wrote. */
  readonly by?: Cause['by'];
  /** Then the configuration counts again. */
  readonly until?: number;
}

/** What was told of a limit last, so that it is told once a page (a day, an hour) and state. */
export interface QuotaTold {
  readonly state: 'warning' | 'exceeded';
  readonly limit: number;
  /** When the page ends; absent for what has none. */
  readonly resets_at?: number;
}

const of = { of: Holder, name: z.string().max(200) };
const told = {
  ...of,
  what: LimitName,
  used: z.number(),
  limit: z.number(),
  currency: z.string().optional(),
  resets_at: z.number().optional(),
};

export const QuotaEvent = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('limit_changed'),
    ...of,
    what: ChangeableLimit,
    limit: z.number().nonnegative(),
    currency: z.string().optional(),
    reason: z.string().min(1).max(500),
    until: z.number().optional(),
  }),
  /** The configuration counts again. */
  z.object({ type: z.literal('limit_restored'), ...of, what: ChangeableLimit, reason: z.string().min(1).max(500) }),
  z.object({ type: z.literal('quota_warning'), ...told }),
  z.object({ type: z.literal('quota_exceeded'), ...told }),
]);
export type QuotaEvent = z.infer<typeof QuotaEvent>;

export interface QuotaRecords {
  readonly changes: Map<string, LimitChange>;
  readonly told: Map<string, QuotaTold>;
}

export function limitKey(holder: Holder, name: string, what: string): string {
  return `${holder}/${what}/${name}`; // only the name can hold a slash
}

const KEPT = 10_000; // limits that are configured; the oldest give way
const FORGOTTEN_MS = 30 * 86_400_000; // after the end of a change

/** A limit that was changed is told anew when it is reached, whatever was told of it before. */

export function foldQuota({ changes, told }: QuotaRecords, event: QuotaEvent, at: number, by: Cause['by']): void {
  const key = limitKey(event.of, event.name, event.what);
  switch (event.type) {
    case 'limit_changed': {
      const { type: _, ...change } = event;
      for (const [old, { until }] of changes) if (until !== undefined && until + FORGOTTEN_MS < at) changes.delete(old);
      changes.set(key, { ...change, at, by } as LimitChange);
      told.delete(key);
      return;
    }
    case 'limit_restored':
      changes.delete(key);
      told.delete(key);
      return;
    case 'quota_warning':
    case 'quota_exceeded': {
      const { limit, resets_at } = event;
      const state = event.type === 'quota_warning' ? 'warning' : 'exceeded';
      told.delete(key);
      told.set(key, { state, limit, ...(resets_at !== undefined && { resets_at }) });
      if (told.size > KEPT) told.delete(told.keys().next().value as string);
    }
  }
}
