import { TaskSpec, type TaskSpecInput } from '../model/spec.ts';
import { type Entry, frontMatter } from './write.ts';

/** Keys stand in the order in which TaskSpec names them. */
const KEYS = Object.keys(TaskSpec.shape) as (keyof TaskSpecInput)[];

/** The file of a task that came by call: `parseTask` reads from it what was given here. `further` keys mean nothing to it. */
export function composeTask(fields: TaskSpecInput, body: string, further: readonly [string, Entry][] = []): Uint8Array {
  const known = KEYS.map((key): [string, Entry] => [key, entry(fields[key])]);
  const given = [...known, ...further].filter(([, value]) => value !== undefined);
  // Without front matter these bodies would be read as one, or lose their first character.
  const needsFences = given.length > 0 || body.startsWith('---') || body.startsWith('\ufeff');
  return Buffer.from((needsFences ? frontMatter(given) : '') + body);
}

/** A schema is data of any shape: front matter holds it as JSON text. */
function entry(value: TaskSpecInput[keyof TaskSpecInput]): Entry {
  return typeof value === 'object' && !Array.isArray(value) ? JSON.stringify(value) : value;
}
