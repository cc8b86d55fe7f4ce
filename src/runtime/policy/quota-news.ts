import { limitKey, type QuotaEvent, type QuotaTold } from '../model/quota.ts';
import type { Limit } from './allowance.ts';

/*
 * What is still to be told of limits that are nearly or wholly spent.
 *
 * N1. Each limit is told at most twice a page (a day, an hour, a rest): that it is nearly spent, and that it is spent. What
 *     is given back on the same page and spent again is told no more.
 * N2. A limit that was changed is another one: it is told anew. So is one whose change has ended by itself, because the
 *     figure is another.
 * N3. How many are at work at once goes up and down with every task and has no page; what waits for it says so itself.
 */

type Told = Extract<QuotaEvent, { type: 'quota_warning' | 'quota_exceeded' }>;

export function untold(limits: readonly Limit[], told: ReadonlyMap<string, QuotaTold>): Told[] {
  return limits.flatMap((limit) => {
    const { of, name, what, used, currency, resets_at, state } = limit;
    if (state === 'ok' || what === 'concurrent_jobs') return []; // N3
    const last = told.get(limitKey(of, name, what));
    if (last && isSamePage(last, limit) && (last.state === 'exceeded' || state === 'warning')) return []; // N1
    const type = state === 'exceeded' ? 'quota_exceeded' : 'quota_warning';
    const more = { ...(currency !== undefined && { currency }), ...(resets_at !== undefined && { resets_at }) };
    return [{ type, of, name, what, used, limit: limit.limit, ...more }];
  });
}

/** N2 */
function isSamePage(last: QuotaTold, { limit, resets_at }: Limit): boolean {
  return last.resets_at === resets_at && last.limit === limit;
}
