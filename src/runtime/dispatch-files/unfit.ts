/** Why a dispatch file can't be a task: it is kept in rejected/, with this beside it. */
export interface Unfit {
  readonly kind: 'unfit';
  readonly reason: string;
  readonly hint: string;
  /** The key that is wrong. */
  readonly field?: string;
  /** Another task has the file's id. */
  readonly existing?: Existing;
}

export interface Existing {
  readonly task: string;
  readonly project: string;
  readonly state: string;
  /** The report of that task, where it has one. */
  readonly report?: string;
}

export function unfit(reason: string, hint: string, field?: string): Unfit {
  return { kind: 'unfit', reason, hint, ...(field !== undefined && { field }) };
}
