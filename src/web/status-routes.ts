import { z } from 'zod';
import { DelegatedStatus } from '../runtime/model/delegated.ts';
import { refuse } from '../runtime/model/refusal.ts';
import { countTasks } from '../tools/counts.ts';
import { Session, sessionOf } from '../tools/sessions/session.ts';
import { refused } from './problem.ts';
import type { Asked, Route } from './route.ts';

/* Where scripts of earlier tools look. Their names stay, so fields are only added; every value is read from the state. */

/** `ts`, `active`, `queued` and `pid` as in the heartbeat. */
export const WatchdogStatus = z.object({
  ts: z.string(),
  pid: z.number(),
  version: z.string(),
  status: z.enum(['ok', 'attention']).describe('attention: something waits for a person, see needs'),
  active: z.number().describe('tasks that are claimed or running, delegated ones included'),
  queued: z.number(),
  delegated_active: z.number(),
  needs: z.number(),
  converged: z.boolean(),
  sessions: z
    .array(Session)
    .describe('sessions of the pool, as list_sessions shows them; slots of command agents are none'),
});

export const statusRoutes: readonly Route[] = [
  statusRoute('/api/delegated/status', 'Delegated jobs and their counters', DelegatedStatus, ({ yard }) =>
    yard.delegated(),
  ),
  statusRoute('/watchdog/status', 'How the runtime and its sessions are', WatchdogStatus, watchdog),
];

function statusRoute<T extends z.ZodObject>(
  path: string,
  summary: string,
  schema: T,
  read: (asked: Asked) => z.input<T>,
): Route {
  const { $schema: _, ...json } = z.toJSONSchema(schema);
  const content = { 'application/json': { schema: json } };
  return {
    method: 'GET',
    path,
    described: { summary, responses: { 200: { description: 'OK', content } } },
    async answer(asked) {
      if (asked.caller.principal !== 'owner')
        return refused(refuse('not_allowed', `${path} is closed to calls from inside a task`, 'GET /api/v1/fleet'));
      return { status: 200, value: schema.parse(read(asked)) };
    },
  };
}

function watchdog(asked: Asked): z.input<typeof WatchdogStatus> {
  const { yard } = asked;
  const counts = countTasks(yard, undefined);
  const needs = yard.needs().length;
  return {
    ts: new Date(yard.clock.now()).toISOString(),
    pid: process.pid,
    version: yard.version,
    status: needs > 0 ? 'attention' : 'ok',
    active: (counts.claimed ?? 0) + (counts.running ?? 0),
    queued: counts.queued ?? 0,
    delegated_active: yard.delegated().delegated_active,
    needs,
    converged: yard.converged(),
    sessions: yard.sessions.list().map((view) => sessionOf(asked, view)),
  };
}
