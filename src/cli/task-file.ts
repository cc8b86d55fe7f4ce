import { isRefusal } from '../runtime/model/refusal.ts';
import { readHeader } from '../runtime/taskfile/header.ts';
import { usage } from './failure.ts';
import { fieldValue, TASK_KEYS } from './task-options.ts';

export interface TaskFile {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly body: string;
  /** Keys that `enqueue_task` does not know; they are left out. */
  readonly unknown: readonly string[];
}

/** A task as written in a file, read as a dropped file is; each key becomes the type that the tool wants. */
export function readTaskFile(text: string, name: string): TaskFile {
  const header = readHeader(text);
  if (isRefusal(header)) throw usage(`${name}: ${header.message}`, 'Nothing was enqueued. Mend the front matter.');
  const entries = [...header.fields].filter(([, value]) => value !== null && value !== '');
  const known = entries.filter(([key]) => key === 'id' || Object.hasOwn(TASK_KEYS, key));
  return {
    fields: Object.fromEntries(known.map(([key, value]) => [key, fieldValue(key, value, `${name}: ${key}`)])),
    body: header.body.replace(/^\n/, ''),
    unknown: entries.map(([key]) => key).filter((key) => !known.some(([one]) => one === key)),
  };
}
