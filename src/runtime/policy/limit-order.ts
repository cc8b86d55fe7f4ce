import { Holder } from '../model/allowance.ts';
import { Duration, durationText } from '../model/duration.ts';
import { plainLine } from '../model/plain-text.ts';
import { type ChangeableLimit, LENGTHS, type LimitChange } from '../model/quota.ts';
import { isRefusal, type Refusal, refuse } from '../model/refusal.ts';
import { LIMITS_OF } from './limits.ts';

/*
 * What a person wants of a limit, understood or refused with what is allowed. Whether anybody bears the name is asked
 * elsewhere (runtime/quota/names.ts).
 */

/** As it was typed. */
export interface LimitAsked {
  readonly of: string;
  readonly name: string;
  readonly what: string;
}

export interface LimitWanted extends LimitAsked {
  readonly value: string;
  readonly currency?: string;
  readonly reason: string;
  readonly until?: number;
}

export type LimitNamed = Pick<LimitChange, 'of' | 'name' | 'what'>;
export type LimitOrder = Omit<LimitChange, 'at' | 'by'>;

const LONGEST_NAME = 100;
const LONGEST_REASON = 500;
const MOST_MONEY = 1e12;

export function limitNamed({ of, name, what }: LimitAsked): LimitNamed | Refusal {
  const holder = Holder.safeParse(of);
  if (!holder.success)
    return invalid(
      `nothing has limits that is called "${short(of)}"`,
      'agent (also a provider or a session), model, project',
    );
  const known = LIMITS_OF[holder.data];
  const limit = known.find((one) => one === what);
  if (limit === undefined) return invalid(`${holder.data}s have no limit "${short(what)}"`, known.join(', '));
  if (name === '' || name.length > LONGEST_NAME || name !== plainLine(name))
    return invalid(`"${short(name)}" is no name`, `1 to ${LONGEST_NAME} characters on one line`);
  return { of: holder.data, name, what: limit };
}

/** `counted`: currencies in which something is limited or was spent, beside those of the world. */
export function limitOrder(
  wanted: LimitWanted,
  { configured, counted, now }: { configured: string | undefined; counted: Iterable<string>; now: number },
): LimitOrder | Refusal {
  const named = limitNamed(wanted);
  if (isRefusal(named)) return named;
  const limit = amountIn(named.what, wanted.value);
  if (isRefusal(limit)) return limit;
  const currency = currencyOf(named.what, wanted.currency ?? configured, wanted.currency !== undefined, counted);
  if (isRefusal(currency)) return currency;
  const reason = reasonOf(wanted.reason);
  if (isRefusal(reason)) return reason;
  const { until } = wanted;
  if (until !== undefined && !(Number.isFinite(until) && until > now && until < LAST_TIME))
    return invalid('the time at which the change is to end is no time that is still to come', 'a later one, or none');
  return {
    ...named,
    ...{ limit, reason },
    ...(currency !== undefined && { currency }),
    ...(until !== undefined && { until }),
  };
}

const LAST_TIME = 8.64e15; // of a Date

export function reasonOf(given: string): string | Refusal {
  const reason = plainLine(given);
  if (reason !== '' && reason.length <= LONGEST_REASON) return reason;
  const what = reason === '' ? 'a change of a limit needs a reason' : `the reason has ${reason.length} characters`;
  return invalid(
    `${what}; nothing was changed`,
    `1 to ${LONGEST_REASON} characters; it is shown wherever the limit is`,
  );
}

/** A number as the configuration would take it. */
function amountIn(what: ChangeableLimit, given: string): number | Refusal {
  const text = given.trim();
  const no = (allowed: string) =>
    invalid(`${what}: "${short(given)}" is none; nothing was changed`, `${allowed}; 0 = without limit`);
  if (LENGTHS.has(what)) {
    const length = Duration.safeParse(text);
    return length.success && Number.isSafeInteger(Math.round(length.data))
      ? Math.round(length.data)
      : no('a duration such as 30s, 5m or 1h');
  }
  const number = Number(text.replaceAll('_', ''));
  if (isMoney(what)) {
    return /^\d[\d_]*(\.\d+)?$/.test(text) && number <= MOST_MONEY ? number : no('an amount such as 20 or 2.50');
  }
  return /^\d[\d_]*$/.test(text) && Number.isSafeInteger(number)
    ? number
    : no('a whole number such as 200 or 5_000_000');
}

function isMoney(what: ChangeableLimit): boolean {
  return what === 'daily_cost' || what === 'cost_ceiling_usd';
}

/** A currency that nobody bills in would limit nothing. */
function currencyOf(what: ChangeableLimit, named: string | undefined, isGiven: boolean, counted: Iterable<string>) {
  if (what !== 'daily_cost') {
    if (!isGiven || (what === 'cost_ceiling_usd' && named === 'USD')) return undefined;
    return invalid(
      `${what} has no currency${what === 'cost_ceiling_usd' ? ' but USD' : ''}; nothing was changed`,
      'leave --currency out',
    );
  }
  if (named === undefined)
    return invalid('daily_cost: in which currency? Nothing was changed', 'name it: --currency USD');
  const known = new Set([...Intl.supportedValuesOf('currency'), ...counted]);
  if (/^[A-Z]{3}$/.test(named) && known.has(named)) return named;
  const near = known.has(named.toUpperCase()) ? `; did you mean ${named.toUpperCase()}?` : '';
  return invalid(
    `daily_cost: "${short(named)}" is no currency; nothing was changed`,
    `three capital letters, such as USD${near}`,
  );
}

/** As the command line and the configuration would say it. */
export function limitText(what: ChangeableLimit, limit: number, currency?: string): string {
  if (limit === 0) return 'no limit';
  if (LENGTHS.has(what)) return durationText(limit);
  return `${limit}${what === 'cost_ceiling_usd' ? ' USD' : currency === undefined ? '' : ` ${currency}`}`;
}

function invalid(message: string, allowed: string): Refusal {
  return refuse('invalid', message, `allowed: ${allowed}`);
}

function short(text: string): string {
  return plainLine(text).slice(0, 60);
}
