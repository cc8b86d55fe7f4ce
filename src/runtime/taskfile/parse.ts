import { type Refusal, refuse } from '../model/refusal.ts';
import type { TaskSpec } from '../model/spec.ts';
import { readFields } from './fields.ts';
import { readHeader } from './header.ts';
import { isBlank, titleFor } from './title.ts';
import type { Fields } from './yaml.ts';

export interface ParsedTask {
  readonly spec: TaskSpec;
  readonly title: string;
  /** What the agent is told; never blank. */
  readonly body: string;
  readonly extra: Fields;
}

/** A task file's bytes become what they ask for, or the reason why they can't be a task. */
export function parseTask(bytes: Uint8Array): ParsedTask | Refusal {
  const text = decode(bytes);
  if (text === undefined)
    return refuse('invalid', 'the file is not valid UTF-8', 'Save it as UTF-8 and drop it again.');
  if (text.includes('\0'))
    return refuse('invalid', 'the file contains NUL bytes', 'A task is text; attach binaries by path.');
  const header = readHeader(text);
  if ('refused' in header) return header;
  const read = readFields(header.fields);
  if ('refused' in read) return read;
  const title = titleFor(read.spec, header.body);
  if (title === '') return refuse('invalid', 'the file has neither a body nor a title', 'Write what is to be done.');
  return { spec: read.spec, title, body: isBlank(header.body) ? title : header.body, extra: read.extra };
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes); // takes a byte order mark off
  } catch {
    return undefined;
  }
}
