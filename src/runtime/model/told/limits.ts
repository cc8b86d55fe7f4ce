import { z } from 'zod';
import { Holder, LimitName } from '../allowance.ts';
import { HoldKind } from '../hold.ts';
import { ChangeableLimit } from '../quota.ts';
import { count, ofTask, text, time, told } from './event.ts';

const of = { of: Holder.describe('an agent (or provider), a model, a project'), name: text };
const money = { currency: text.optional().describe('of a limit of money') };

const spent = {
  ...of,
  what: LimitName,
  used: z.number(),
  limit: z.number(),
  ...money,
  resets_at: time.optional().describe('when it begins anew'),
};

const waits = {
  ...ofTask,
  detail: text,
  until: time.optional(),
  waiting: count.describe('how many wait alike, this one included'),
};

const scope = {
  project: text.optional().describe('only there'),
  agent: text.optional().describe('only at this agent or provider'),
};

/** What keeps work from beginning. */
export const LIMIT_EVENTS = {
  dispatch_failed_no_agent: told('Tasks begin to wait because no configured agent could ever take them.', waits),
  dispatch_failed_quota: told('Tasks begin to wait because allowance is spent.', waits),
  quota_warning: told('A limit is nearly reached.', spent),
  quota_exceeded: told('A limit is reached: nothing more begins under it.', spent),
  limit_changed: told('A person has changed a limit.', {
    ...of,
    what: ChangeableLimit,
    limit: z.number().describe('0 = without limit; a time is in milliseconds'),
    ...money,
    reason: text,
    until: time.optional(),
  }),
  limit_restored: told('What the configuration says of a limit counts again.', {
    ...of,
    what: ChangeableLimit,
    reason: text,
  }),
  paused: told('Nothing new begins there; what runs goes on.', {
    ...scope,
    kind: HoldKind,
    reason: text,
    until: time.optional(),
  }),
  resumed: told('Work begins there again.', { ...scope, reason: text.optional() }),
};
