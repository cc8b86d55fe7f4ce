import { basename, dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import type { Files } from '../ports.ts';
import { keepCopy, replaceDurably } from './durably.ts';
import { readLines } from './lines.ts';
import { parseObject, seal, unseal, utf8 } from './sealed-line.ts';

/*
 * A snapshot is written and read in lines, so that a big state is never one string: a sealed header, then each key of
 * the state (a long array in several lines), then a sealed end with the checksum of everything between.
 */

const ELEMENTS_PER_LINE = 200;
const BLOCK = 1024 * 1024;

const Header = z.object({ format: z.number(), epoch: z.string(), seq: z.number(), at: z.number() });
const End = z.object({ end: z.number(), crc: z.number() });

export interface Snapshot extends z.infer<typeof Header> {
  /** Plain data. What is in it must not change while it is written: give copies of the arrays. */
  readonly state: Readonly<Record<string, unknown>>;
}

export type SnapshotRead =
  | { readonly kind: 'read'; readonly snapshot: Snapshot }
  | { readonly kind: 'none' }
  /** Not whole; a copy was kept. */
  | { readonly kind: 'broken'; readonly kept: string; readonly why: string };

/** Replaces the snapshot; durable when it returns, and a crash leaves the old one or the new one. */
export function writeSnapshot(files: Files, path: string, snapshot: Snapshot): Promise<void> {
  return replaceDurably(files, path, inBlocks(snapshotLines(snapshot)));
}

export async function readSnapshot(files: Files, path: string): Promise<SnapshotRead> {
  if ((await files.stat(path)) === undefined) return { kind: 'none' };
  const reader = new Reader();
  for await (const lines of readLines(files, path)) for (const line of lines) if (line.ended) reader.take(line.bytes);
  const found = reader.result();
  if (typeof found !== 'string') return { kind: 'read', snapshot: found };
  return { kind: 'broken', kept: await keepAside(files, path), why: found };
}

function* snapshotLines({ format, epoch, seq, at, state }: Snapshot): Generator<Uint8Array> {
  yield seal({ format, epoch, seq, at });
  let crc = 0;
  let count = 0;
  for (const part of parts(state)) {
    const line = Buffer.from(`${JSON.stringify(part)}\n`);
    crc = crc32(line, crc);
    count++;
    yield line;
  }
  yield seal({ end: count, crc });
}

function* parts(
  state: Snapshot['state'],
): Generator<{ key: string; value: unknown } | { key: string; more: unknown[] }> {
  for (const [key, value] of Object.entries(state)) {
    if (!Array.isArray(value)) {
      yield { key, value };
      continue;
    }
    yield { key, value: [] };
    for (let i = 0; i < value.length; i += ELEMENTS_PER_LINE)
      yield { key, more: value.slice(i, i + ELEMENTS_PER_LINE) };
  }
}

/** Few large writes instead of many small ones. */
function* inBlocks(lines: Iterable<Uint8Array>): Generator<Uint8Array> {
  let block: Uint8Array[] = [];
  let size = 0;
  for (const line of lines) {
    block.push(line);
    size += line.length;
    if (size < BLOCK) continue;
    yield Buffer.concat(block);
    block = [];
    size = 0;
  }
  yield Buffer.concat(block);
}

class Reader {
  private header: z.infer<typeof Header> | undefined;
  private readonly state: Record<string, unknown> = {};
  private crc = 0;
  private count = 0;
  private whole = false;
  private problem: string | undefined;

  take(line: Uint8Array): void {
    if (this.problem !== undefined) return;
    if (this.whole) this.problem = 'something follows its end';
    else if (this.header) this.takePart(line);
    else {
      this.header = Header.safeParse(unseal(line)).data;
      if (!this.header) this.problem = 'its first line is not whole';
    }
  }

  result(): Snapshot | string {
    if (this.problem !== undefined) return this.problem;
    if (!this.header || !this.whole) return 'its end is missing';
    return { ...this.header, state: this.state };
  }

  private takePart(line: Uint8Array): void {
    const end = End.safeParse(unseal(line)).data;
    if (end) {
      this.whole = end.crc === this.crc && end.end === this.count;
      if (!this.whole) this.problem = 'its checksum is wrong';
      return;
    }
    this.crc = crc32('\n', crc32(line, this.crc));
    this.count++;
    const part = parseObject(utf8(line));
    if (typeof part?.key !== 'string') this.problem = `line ${this.count + 1} is not whole`;
    else this.put(part.key, part);
  }

  private put(key: string, part: Record<string, unknown>): void {
    const there = Object.hasOwn(this.state, key) ? this.state[key] : undefined;
    if (Array.isArray(part.more) && Array.isArray(there)) for (const element of part.more) there.push(element);
    else
      Object.defineProperty(this.state, key, {
        value: part.value,
        enumerable: true,
        writable: true,
        configurable: true,
      });
  }
}

async function keepAside(files: Files, path: string): Promise<string> {
  const { size, mtimeMs } = (await files.stat(path)) ?? { size: 0, mtimeMs: 0 };
  const kept = join(dirname(path), 'quarantine', `${basename(path)}-${Math.floor(mtimeMs)}.bin`);
  await keepCopy(files, { path, offset: 0, length: size }, kept);
  return kept;
}
