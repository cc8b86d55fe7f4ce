import type { ErrorClass } from '../../model/spec.ts';
import type { Submitted } from '../../ports.ts';
import { complaint, parse, SubmitAnswer } from './answers.ts';
import type { Exchange } from './exchange.ts';

/*
 * 1. `accepted` only with a job id in hand.
 * 2. `refused` and `later` only where the service certainly has no job from this request.
 * 3. Everything else is `unconfirmed`: a dropped connection, silence, a malformed 2xx, a 5xx that may come from
 *    a gateway behind which the job goes on.
 */

/** Whether the service has taken the job, judged from how the request ended. */
export function judgeSubmit(end: Exchange, key: string | undefined, idempotent: boolean): Submitted {
  switch (end.kind) {
    case 'broken':
      return { kind: end.sent ? 'unconfirmed' : 'later', reason: end.reason };
    case 'too_large':
      return { kind: 'unconfirmed', reason: `HTTP ${end.status} with more than ${end.max_bytes} bytes` };
    case 'answer': {
      if (end.status >= 200 && end.status < 300) {
        const answer = parse(SubmitAnswer, end.body);
        if (answer) return { kind: 'accepted', job_id: answer.job_id };
        return { kind: 'unconfirmed', reason: `HTTP ${end.status} without a usable job_id` };
      }
      return judgeRefusal(end, key, idempotent);
    }
  }
}

function judgeRefusal(end: Exchange & { kind: 'answer' }, key: string | undefined, idempotent: boolean): Submitted {
  const reason = `HTTP ${end.status} ${complaint(end.body, key)}`.trim();
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

export function isLater(status: number): boolean {
  return status === 429 || status === 503 || status === 425;
}

function classOf(status: number): ErrorClass {
  if (status === 401 || status === 403) return 'auth';
  if (status === 402) return 'billing';
  if (status === 413) return 'context_overflow';
  return 'upstream';
}

/** When to come again, where the answer says so, and whether there was only too much to do. */
export function retryAfter(end: Exchange & { kind: 'answer' }): { retry_after_ms?: number; busy?: true } {
  return { ...waitOf(end), ...(end.status === 429 && { busy: true as const }) };
}

/** Seconds or a date, as HTTP allows both. */
function waitOf(end: Exchange & { kind: 'answer' }): { retry_after_ms?: number } {
  const given = end.headers['retry-after'];
  const text = Array.isArray(given) ? given[0] : given;
  if (text === undefined) return {};
  if (/^\d{1,9}$/.test(text.trim())) return { retry_after_ms: Number(text) * 1_000 };
  const at = Date.parse(text);
  return Number.isNaN(at) ? {} : { retry_after_ms: Math.max(0, at - Date.now()) };
}
