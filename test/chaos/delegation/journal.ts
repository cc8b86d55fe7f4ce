import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Event } from '../../../src/runtime/model/event.ts';
import type { Site } from '../site.ts';

export interface Told {
  readonly at: number;
  readonly event: Event;
}

/** What a journal says, read as anybody could: a torn last line is left out. */
export function readJournal(site: Site): { readonly epoch: string; readonly told: readonly Told[] } {
  const dir = join(site.home, 'journal');
  const names = existsSync(dir) ? readdirSync(dir).filter((name) => name.endsWith('.jsonl')) : [];
  const lines = names.sort().flatMap((name) => readFileSync(join(dir, name), 'utf8').split('\n'));
  const records = lines.flatMap(parsed);
  const epoch = records.find((record) => record.epoch !== undefined)?.epoch ?? '';
  return { epoch, told: records.flatMap(({ at = 0, events = [] }) => events.map((event) => ({ at, event }))) };
}

interface Line {
  readonly epoch?: string;
  readonly at?: number;
  readonly events?: readonly Event[];
}

function parsed(line: string): Line[] {
  try {
    return line === '' ? [] : [JSON.parse(line) as Line];
  } catch {
    return [];
  }
}
