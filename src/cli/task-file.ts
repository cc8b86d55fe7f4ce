import { parseDocument } from 'yaml';
import { usage } from './failure.ts';
import { fieldValue, TASK_KEYS } from './task-options.ts';

const MAX_HEADER = 65_536;

export interface TaskFile {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly body: string;
  /** Keys that `enqueue_task` does not know; they are left out. */
  readonly unknown: readonly string[];
}

/** A task as written in a file: YAML front matter, then the text. A file without front matter is all text. */
export function readTaskFile(text: string, name: string): TaskFile {
  const whole = text.replace(/^\ufeff/, '').replaceAll('\r\n', '\n');
  const opening = /^---([^\n]*)\n/.exec(whole);
  if (!opening) return { fields: {}, body: whole, unknown: [] };
  const language = (opening[1] ?? '').trim();
  if (language !== '')
    throw usage(`${name}: front matter in "${language}" is not read`, 'Only YAML is, between two lines of ---.');
  const rest = whole.slice(opening[0].length);
  const closing = /^---[ \t]*(?:\n|$)/m.exec(rest);
  if (!closing) throw usage(`${name}: the front matter has no end`, 'Close it with a line of ---.');
  const body = rest.slice(closing.index + closing[0].length).replace(/^\n/, '');
  return { ...fieldsOf(rest.slice(0, closing.index), name), body };
}

/** Everything is text first (failsafe): `017` and dates stay what was written until the key says what it is. */
function fieldsOf(header: string, name: string): Omit<TaskFile, 'body'> {
  if (header.length > MAX_HEADER) throw usage(`${name}: the front matter is larger than ${MAX_HEADER} characters`);
  const entries = Object.entries(mapOf(header, name)).filter(([, value]) => value !== '');
  const known = entries.filter(([key]) => key === 'id' || Object.hasOwn(TASK_KEYS, key));
  return {
    fields: Object.fromEntries(known.map(([key, value]) => [key, fieldValue(key, value, `${name}: ${key}`)])),
    unknown: entries.map(([key]) => key).filter((key) => !known.some(([one]) => one === key)),
  };
}

function mapOf(header: string, name: string): object {
  const document = parseDocument(header, { schema: 'failsafe', prettyErrors: true });
  const [error] = document.errors;
  if (error) throw usage(`${name}: the front matter is not YAML: ${error.message.split('\n')[0]}`);
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 0 }) ?? {};
  } catch {
    throw usage(`${name}: aliases are not read in front matter`, 'Write the value out.');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw usage(`${name}: the front matter is no list of keys`, 'Write `key: value` lines.');
  return value;
}
