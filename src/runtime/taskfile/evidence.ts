import type { Evidence, Outcome } from '../model/task.ts';
import type { Entry } from './write.ts';
import type { Fields } from './yaml.ts';

/* What was seen of the work, as the front matter of done/ and failed/ says it, and as it is read back from there. */

export function evidenceEntries(outcome: Outcome): [string, Entry][] {
  const evidence = outcome.state === 'cancelled' ? undefined : outcome.evidence;
  return [
    ['verify_command', evidence?.verify?.command],
    ['verify_exit_code', evidence?.verify?.exit_code],
    ['verify_seconds', evidence?.verify?.seconds],
    ['verify_output_sha256', evidence?.verify?.output_sha256],
    ['head_before', evidence?.head_before],
    ['head_after', evidence?.head_after],
    ['commits', evidence?.commits],
    ['files_total', evidence?.files_total],
    ['files_changed', evidence?.files_changed],
  ];
}

/** Nothing where the file says nothing of it. */
export function readEvidence(fields: Fields): Evidence | undefined {
  const text = (key: string) => {
    const value = fields.get(key);
    return typeof value === 'string' ? value : undefined;
  };
  const number = (key: string) => {
    const value = text(key);
    return value !== undefined && /^\d+(\.\d+)?$/.test(value) ? Number(value) : undefined;
  };
  const evidence = present({
    verify: verifyIn(text, number),
    head_before: text('head_before'),
    head_after: text('head_after'),
    commits: number('commits'),
    files_changed: namesIn(fields, 'files_changed'),
    files_total: number('files_total'),
  });
  return Object.keys(evidence).length > 0 ? evidence : undefined;
}

type Text = (key: string) => string | undefined;
type Digits = (key: string) => number | undefined;

function verifyIn(text: Text, number: Digits): Evidence['verify'] {
  const command = text('verify_command');
  const exit_code = number('verify_exit_code');
  if (command === undefined) return undefined;
  return {
    command,
    ...(exit_code !== undefined && { exit_code }),
    output_sha256: text('verify_output_sha256') ?? '',
    seconds: number('verify_seconds') ?? 0,
  };
}

function namesIn(fields: Fields, key: string): string[] | undefined {
  const value = fields.get(key);
  return Array.isArray(value) ? value.filter((name) => typeof name === 'string') : undefined;
}

function present<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as never;
}
