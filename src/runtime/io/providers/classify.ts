import type { ErrorClass } from '../../model/spec.ts';
import type { Submitted } from '../../ports.ts';
import { complaint, holdsSecret } from './answers.ts';
import type { Exchange } from './exchange.ts';

/*
 * 1. `accepted` only with a job id in hand.
 * 2. `refused` and `later` only where the service certainly has no job from this request.
 * 3. Everything else is `unconfirmed`: a dropped connection, silence, a malformed 2xx, a 5xx that may come from
 *    a gateway behind which the job goes on.
 */

interface Submit {
  readonly key: string | undefined;
  readonly idempotent: boolean;
  readonly jobIdIn: (body: Buffer) => string | undefined;
  /** Where the service says what it complains about. */
  readonly error: string;
}

/** Whether the service has taken the job, judged from how the request ended. */
export function judgeSubmit(end: Exchange, submit: Submit): Submitted {
  switch (end.kind) {
    case 'broken':
      return { kind: end.sent ? 'unconfirmed' : 'later', reason: end.reason };
    case 'too_large':
      return { kind: 'unconfirmed', reason: `HTTP ${end.status} with more than ${end.max_bytes} bytes` };
    case 'answer': {
      if (end.status < 200 || end.status >= 300) return judgeRefusal(end, submit);
      const job_id = submit.jobIdIn(end.body);
      if (job_id !== undefined && !holdsSecret(job_id, submit.key)) return { kind: 'accepted', job_id };
      const said = complaint(end.body, submit.key, submit.error);
      return { kind: 'unconfirmed', reason: `HTTP ${end.status} without a usable job id${shapeOf(end)}: ${said}` };
    }
  }
}

function judgeRefusal(end: Answer, { key, idempotent, error }: Submit): Submitted {
  const reason = `HTTP ${end.status} ${complaint(end.body, key, error)}`.trim();
  const { status } = end;
  if (isLater(status) || status === 408) return { kind: 'later', reason, ...retryAfter(end) }; // 408: never heard to its end
  // The same key is at work in another request of ours: that one may have been taken.
  if (status === 409 && idempotent) return { kind: 'unconfirmed', reason };
  if (status >= 400 && status < 500) return { kind: 'refused', class: classOf(status), reason };
  // The service lives elsewhere and nothing was done here. 302 and 303 may follow after the job was taken.
  if (status === 301 || status === 307 || status === 308)
    return { kind: 'refused', class: 'upstream', reason: `HTTP ${status}: redirects are not followed, mend base_url` };
  return { kind: 'unconfirmed', reason };
}

type Answer = Exchange & { readonly kind: 'answer' };

export function isLater(status: number): boolean {
  return status === 429 || status === 503 || status === 425;
}

export function classOf(status: number): ErrorClass {
  if (status === 401 || status === 403) return 'auth';
  if (status === 402) return 'billing';
  if (status === 413) return 'context_overflow';
  return 'upstream';
}

/** What a body is that was to be JSON and is not: a page of a gateway, or something that was not asked for. */
export function shapeOf({ headers }: Answer): string {
  const said = [headers['content-encoding'], headers['content-type']].flat().filter((word) => word !== undefined);
  const plain = said.map((word) => word.replace(/[^\w/+.; =-]/g, '').slice(0, 60));
  return plain.length === 0 || plain.join().startsWith('application/json') ? '' : ` (${plain.join(', ')})`;
}

/** When to come again, where the answer says so, and whether there was only too much to do. */
export function retryAfter(answer: Answer): { retry_after_ms?: number; busy?: true } {
  return { ...waitOf(answer), ...(answer.status === 429 && { busy: true as const }) };
}

/** Seconds or a date, as HTTP allows both. A date is read by the service's own clock, where it tells its time. */
function waitOf({ headers }: Answer): { retry_after_ms?: number } {
  const text = first(headers['retry-after'])?.trim() ?? '';
  if (/^\d{1,9}(\.\d+)?$/.test(text)) return { retry_after_ms: Math.ceil(Number(text) * 1_000) };
  const at = dateIn(text);
  return at === undefined ? {} : { retry_after_ms: Math.max(0, at - (dateIn(first(headers.date)) ?? Date.now())) };
}

/** `Date.parse` takes much for a date that is none, such as `-5`. */
function dateIn(text: string | undefined): number | undefined {
  const at = text !== undefined && /^[A-Z][a-z]+,? /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : at;
}

function first(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}
