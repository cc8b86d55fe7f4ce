import { type Refusal, type RefusalCode, refuse } from '../runtime/model/refusal.ts';

/** A request that is not served, as its client sees it: `{code, message, hint}` under this status. */
export interface Problem {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The body was not read and is still on its way. */
  readonly unread?: true;
}

/** What a tool's refusal is in HTTP; where trying again can help, after how many seconds. */
const STATUS: Readonly<Record<RefusalCode, { readonly status: number; readonly retryAfter?: number }>> = {
  invalid: { status: 400 },
  not_allowed: { status: 403 },
  not_found: { status: 404 },
  id_taken: { status: 409 },
  cycle: { status: 409 },
  not_possible: { status: 409 },
  stale: { status: 409 },
  read_only: { status: 409 },
  not_configured: { status: 409 },
  busy: { status: 503, retryAfter: 1 },
  unavailable: { status: 503, retryAfter: 5 },
  full: { status: 429, retryAfter: 30 },
};

export function refused({ code, message, hint, retry_after_seconds }: Refusal): Problem {
  const { status, retryAfter: usual } = STATUS[code];
  const retryAfter = retry_after_seconds ?? usual;
  const headers = retryAfter === undefined ? {} : { headers: { 'retry-after': String(retryAfter) } };
  return { status, code, message, hint, ...headers };
}

/** A request whose parts can't be read. */
export function malformed(message: string, hint: string): Problem {
  return refused(refuse('invalid', message, hint));
}

export function isProblem(value: unknown): value is Problem {
  return typeof value === 'object' && value !== null && 'status' in value && 'code' in value && 'hint' in value;
}
