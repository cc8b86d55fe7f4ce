/** An expected "no": what happened, and the next thing to do (a tool to call, a command to run, a file to look at). */
export interface Refusal {
  readonly refused: true;
  readonly code: RefusalCode;
  readonly message: string;
  readonly hint: string;
  /** When to come back, where there will be room again by itself: 1 s to 1 h, estimated. */
  readonly retry_after_seconds?: number;
  /** Only this project has no room; others may. */
  readonly only_project?: true;
}

export type RefusalCode =
  | 'invalid'
  | 'not_found'
  | 'id_taken'
  | 'cycle'
  | 'not_allowed'
  | 'not_possible'
  | 'stale'
  | 'busy'
  | 'full'
  | 'read_only'
  | 'not_configured'
  | 'unavailable';

export function refuse(code: RefusalCode, message: string, hint: string): Refusal {
  return { refused: true, code, message, hint };
}

export function isRefusal(value: unknown): value is Refusal {
  return typeof value === 'object' && value !== null && (value as { refused?: unknown }).refused === true;
}
