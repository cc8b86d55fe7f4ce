import type { Allowance } from '../model/allowance.ts';
import type { LimitChange } from '../model/quota.ts';
import { own } from '../policy/allowance.ts';
import { limitText } from '../policy/limit-order.ts';
import type { Need } from '../yard.ts';

const SHOWN = 5;

/** Changes that end by nobody but a person: those with a time of their own need nobody. */
export function changeNeeds(changes: Iterable<LimitChange>, configured: Allowance): Need[] {
  const open = [...changes].filter(({ until }) => until === undefined);
  const [first, ...others] = open;
  if (first === undefined) return [];
  if (open.length > SHOWN) {
    return [
      {
        what: `${open.length} limits were changed at run time and stay so, the first for: ${first.reason}`,
        where: 'allowance',
        next: `yardmaster quota lists them; write what is to stay into yardmaster.yaml, then yardmaster quota restore`,
      },
    ];
  }
  return [first, ...others].map((change) => needOf(change, configured));
}

function needOf({ of, name, what, limit, currency, reason }: LimitChange, configured: Allowance): Need {
  const was = configuredText(configured, { of, name, what });
  return {
    what: `${what} of ${of} ${name} is ${limitText(what, limit, currency)} in place of ${was}, until somebody restores it: ${reason}`,
    where: `allowance.${of}s.${name}.${what}`,
    next: `write it into yardmaster.yaml if it is to stay, then yardmaster quota restore ${of} ${name} ${what} --reason …`,
  };
}

export function configuredText(
  configured: Allowance,
  { of, name, what }: Pick<LimitChange, 'of' | 'name' | 'what'>,
): string {
  const section: Readonly<Record<string, object>> = configured[`${of}s`];
  const value: unknown = Object.entries(own(section, name) ?? {}).find(([key]) => key === what)?.[1];
  if (typeof value === 'number') return limitText(what, value);
  const { amount, currency } = (value ?? {}) as { amount?: number; currency?: string };
  return limitText(what, amount ?? 0, currency);
}
