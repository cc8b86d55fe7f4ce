import { retryAfter } from './classify.ts';
import type { Exchange } from './exchange.ts';
import type { Headers } from './open-exchange.ts';

type Answer = Exchange & { readonly kind: 'answer' };

const LONGEST_MS = 24 * 3_600_000;
const UNIT: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * How long a server asks us to wait, by the most exact thing that it says. Of its limits only those count that are used
 * up, and only what can be read without doubt: a wrong wait is worse than our own.
 */
export function waitOf(answer: Answer, now: number): { retry_after_ms?: number } {
  const { headers } = answer;
  const wait = exact(headers) ?? retryAfter(answer).retry_after_ms ?? usedUp(headers, now);
  return wait === undefined || wait > LONGEST_MS ? {} : { retry_after_ms: Math.ceil(wait) };
}

/** OpenAI's and Azure's. */
function exact(headers: Headers): number | undefined {
  const given = one(headers, 'retry-after-ms');
  return given !== undefined && /^\d{1,9}(\.\d+)?$/.test(given) ? Number(given) : undefined;
}

function usedUp(headers: Headers, now: number): number | undefined {
  const waits = ['-requests', '-tokens', ''].flatMap((what) => {
    const reset = one(headers, `x-ratelimit-reset${what}`);
    if (reset === undefined || one(headers, `x-ratelimit-remaining${what}`) !== '0') return [];
    return duration(reset) ?? until(reset, now) ?? [];
  });
  return waits.length === 0 ? undefined : Math.max(...waits);
}

/** `1s`, `6m0s`, `120ms`. */
function duration(given: string): number | undefined {
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(given)) return undefined;
  const parts = given.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g);
  return [...parts].reduce((sum, [, amount, unit]) => sum + Number(amount) * (UNIT[unit ?? ''] ?? 0), 0);
}

/** A time since the epoch, in milliseconds or seconds: only one that lies ahead. */
function until(given: string, now: number): number | undefined {
  if (!/^\d{10}(\d{3})?$/.test(given)) return undefined;
  const at = given.length === 13 ? Number(given) : Number(given) * 1_000;
  return at > now ? at - now : undefined;
}

function one(headers: Headers, name: string): string | undefined {
  const given = headers[name];
  return (Array.isArray(given) ? given[0] : given)?.trim();
}
