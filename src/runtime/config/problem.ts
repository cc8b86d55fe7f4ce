/** What is wrong with the configuration, where it stands, and what would be right. */
export interface Problem {
  /** The file, or the environment variable. */
  readonly from: string;
  readonly line?: number;
  readonly column?: number;
  /** `dispatcher.scan`; empty for the file as a whole. */
  readonly key: string;
  readonly value?: unknown;
  readonly message: string;
  readonly allowed?: string;
}

export function unreadable(from: string, why: string): Problem {
  return { from, key: '', message: `can't be read: ${why}` };
}

/** One line: `yardmaster.yaml:4:9  dispatcher.scan: "fast" is not usable; allowed: a duration such as 30s, 5m or 1h`. */
export function describeProblem(problem: Problem): string {
  const place = problem.line === undefined ? '' : `:${problem.line}:${problem.column ?? 1}`;
  const key = problem.key === '' ? '' : `${problem.key}: `;
  const value = problem.value === undefined ? '' : `${shown(problem.value)} `;
  const allowed = problem.allowed === undefined ? '' : `; allowed: ${problem.allowed}`;
  return `${problem.from}${place}  ${key}${value}${problem.message}${allowed}`;
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

/** `providers.gpu`, `projects[0].path`. */
export function keyOfPath(path: readonly PropertyKey[]): string {
  return path
    .map((key, at) => (typeof key === 'number' ? `[${key}]` : `${at === 0 ? '' : '.'}${String(key)}`))
    .join('');
}
