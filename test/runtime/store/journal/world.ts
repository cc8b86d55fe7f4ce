import { ProjectId, TaskId } from '../../../../src/runtime/model/ids.ts';
import type { Chance, Clock, Files } from '../../../../src/runtime/ports.ts';
import type { Draft, Journal } from '../../../../src/runtime/store/journal/journal.ts';
import { type OpenOptions, openJournal } from '../../../../src/runtime/store/journal/open.ts';
import type { Replayed } from '../../../../src/runtime/store/journal/replay.ts';
import { seededChance } from '../../../fakes/seeded-chance.ts';

export const DIR = '/home/journal';
const clock: Clock = { now: () => 1_700_000_000_000, after: () => () => undefined };

/** A change that says one thing. */
export function note(message: string): Draft {
  return { cause: { by: 'owner' }, events: [{ type: 'noted', code: 'test', message }] };
}

export function carried(id: string, text: string): Draft {
  const ref = { project: ProjectId.parse('p_0123456789ab'), id: TaskId.parse(id) };
  return { cause: { by: 'recovery' }, events: [{ type: 'task_carried', ...ref, bytes: { text } }] };
}

export type Options = Partial<OpenOptions> & { chance?: Chance };

export async function open(files: Files, options: Options = {}) {
  await files.makeDir('/home');
  await files.syncDir('/');
  const chance = seededChance(1);
  return openJournal({ files, dir: DIR, clock, chance, bootId: 'boot-1', segmentBytes: 1_000_000, ...options });
}

export async function messages(journal: Journal, from?: number): Promise<string[]> {
  return (await replayed(journal, from)).map(({ record }) => messageOf(record.events[0]));
}

export async function replayed(journal: Journal, from?: number): Promise<Replayed[]> {
  const all: Replayed[] = [];
  for await (const one of journal.replay(from)) all.push(one);
  return all;
}

export function messageOf(event: unknown): string {
  const { message, bytes } = event as { message?: string; bytes?: { text?: string } };
  return message ?? bytes?.text ?? '';
}

/** Changes a file in place, as only a fault would. */
export async function damage(files: Files, path: string, change: (bytes: Buffer) => Uint8Array): Promise<void> {
  await files.replace(path, change(Buffer.from((await files.read(path)) ?? [])));
}
