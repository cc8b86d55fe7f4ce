import { join } from 'node:path';
import type { Files } from '../../ports.ts';
import { keepCopy } from '../durably.ts';
import type { Damage, SegmentScan } from './scan.ts';

/** What was found wrong when the journal was opened, and what was done about it. */
export type Finding =
  /** The end of the last segment was half written; it was cut off. Nobody was promised what was in it. */
  | {
      readonly kind: 'torn';
      readonly segment: string;
      readonly offset: number;
      readonly length: number;
      readonly kept: string;
    }
  /** Bytes with valid records after them; they are skipped, what follows is used. */
  | {
      readonly kind: 'damaged';
      readonly segment: string;
      readonly offset: number;
      readonly length: number;
      readonly kept: string;
    }
  /** Records that are missing, both ends included. */
  | { readonly kind: 'gap'; readonly gap: readonly [from: number, to: number] }
  /** A segment without a single record, left by a crash while it was made; it is gone. */
  | { readonly kind: 'empty'; readonly segment: string };

/** Copies damaged bytes aside, where they stay until a person removes them. */
export async function quarantine(
  files: Files,
  dir: string,
  segment: string,
  part: { offset: number; length: number },
): Promise<string> {
  const kept = join(dir, 'quarantine', `${segment.replace('.jsonl', '')}-${part.offset}.bin`);
  await keepCopy(files, { path: join(dir, segment), ...part }, kept);
  return kept;
}

/**
 * Where the last segment is to be cut, undefined when it is to stay as it is. Its end is torn from the first damage
 * that nothing valid follows. After another boot it is also torn from a damage in its last batch: sectors reach the
 * disk in any order, so a later record of a batch may have survived an earlier one, and none of them was acknowledged.
 */
export function tornFrom(scan: SegmentScan, bootChanged: boolean): number | undefined {
  const torn = (damage: Damage): boolean => !damage.followed || (bootChanged && scan.lastBatch <= damage.seq);
  return scan.damages.find((damage) => damage.offset > 0 && torn(damage))?.offset;
}

/** Keeps a copy of what is behind the cut, then cuts; durable when it returns. */
export async function cutTail(files: Files, dir: string, scan: SegmentScan, offset: number): Promise<Finding> {
  const length = scan.size - offset;
  const kept = await quarantine(files, dir, scan.name, { offset, length });
  const file = await files.append(join(dir, scan.name));
  try {
    await file.truncate(offset);
    await file.sync();
  } finally {
    await file.close();
  }
  return { kind: 'torn', segment: scan.name, offset, length, kept };
}
