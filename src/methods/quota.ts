import { z } from 'zod';
import { isRefusal, type Refusal, refuse } from '../runtime/model/refusal.ts';
import type { ChangedLimit } from '../runtime/quota/quota.ts';
import type { Caller, Yard } from '../runtime/yard.ts';
import type { MethodContext } from '../server/session.ts';
import { shownAllowance, shownLimit } from '../tools/allowance.ts';

/*
 * Limits, for the person who set them. Nobody who spends may raise what may be spent: neither a task (it never gets here),
 * nor a client, nor an agent that runs the command line.
 */

type Params = Readonly<Record<string, unknown>>;

const asked = { of: z.string(), name: z.string(), what: z.string(), reason: z.string() };
const Wanted = z.object({
  ...asked,
  value: z.string(),
  currency: z.string().exactOptional(),
  until: z.number().exactOptional(),
});
const Restored = z.object(asked);

export async function quota(yard: Yard): Promise<object> {
  return { allowance: yard.allowance().map(shownAllowance) };
}

export async function setQuota(yard: Yard, params: Params, { caller }: MethodContext): Promise<object | Refusal> {
  const wanted = Wanted.safeParse(params);
  if (!wanted.success) return notUnderstood(wanted.error);
  return refuseStranger(caller) ?? shown(await yard.changeLimit(wanted.data, { by: 'owner' }));
}

export async function restoreQuota(yard: Yard, params: Params, { caller }: MethodContext): Promise<object | Refusal> {
  const named = Restored.safeParse(params);
  if (!named.success) return notUnderstood(named.error);
  return refuseStranger(caller) ?? shown(await yard.restoreLimit(named.data, { by: 'owner' }));
}

function refuseStranger(caller: Caller): Refusal | undefined {
  if (caller.principal === 'owner' && caller.person === true) return undefined;
  const who =
    caller.principal === 'owner' && caller.person === false
      ? 'this command line was started by an agent'
      : 'this is no command line of a person';
  return refuse(
    'not_allowed',
    `${who}, and limits are a person's to change; nothing was changed`,
    'tell the person what is spent (fleet_status), who changes it in a terminal: yardmaster quota set',
  );
}

function shown(changed: ChangedLimit | Refusal): object | Refusal {
  return isRefusal(changed) ? changed : { ...changed, limit: shownLimit(changed.limit) };
}

function notUnderstood({ issues: [issue] }: z.ZodError): Refusal {
  return refuse(
    'invalid',
    `${String(issue?.path[0])}: ${issue?.message ?? 'not understood'}`,
    'yardmaster quota set --help',
  );
}
