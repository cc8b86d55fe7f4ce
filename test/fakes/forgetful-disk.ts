import { dirname } from 'node:path';
import type { Chance } from '../../src/runtime/ports.ts';

/** What was done to a file's bytes since its last sync, with what it takes to undo it. */
type ByteChange =
  | { readonly kind: 'written'; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'truncated'; readonly to: number; readonly lost: Uint8Array };

const SECTOR = 64; // small, so that a test's short files tear in the middle too

export interface DirNode {
  readonly kind: 'dir';
  readonly ino: number;
}

/** A file's bytes: as programs see them, and what of that a power cut may take back. */
export class FileNode {
  readonly kind = 'file';
  readonly ino: number;
  mtimeMs = 0;
  private bytes: Buffer = Buffer.alloc(0);
  private length = 0;
  private unsynced: ByteChange[] = [];

  constructor(ino: number, content: Uint8Array = new Uint8Array()) {
    this.ino = ino;
    this.bytes = Buffer.from(content);
    this.length = content.length;
  }

  get size(): number {
    return this.length;
  }

  content(from = 0, to = this.length): Uint8Array {
    return Uint8Array.from(this.bytes.subarray(from, Math.min(to, this.length)));
  }

  write(more: Uint8Array): void {
    this.unsynced.push({ kind: 'written', at: this.length, bytes: Uint8Array.from(more) });
    if (this.length + more.length > this.bytes.length) {
      const roomier = Buffer.alloc(Math.max(1024, 2 * (this.length + more.length)));
      this.bytes.copy(roomier, 0, 0, this.length);
      this.bytes = roomier;
    }
    this.bytes.set(more, this.length);
    this.length += more.length;
  }

  truncate(to: number): void {
    this.unsynced.push({ kind: 'truncated', to, lost: this.content(to) });
    this.length = Math.min(to, this.length);
  }

  sync(): void {
    this.unsynced = [];
  }

  /** What the disk may hold after a cut: any prefix of the unsynced changes, the next one half done. */
  afterCut(chance: Chance, luck: number): Uint8Array {
    const survivors =
      luck >= 1 ? this.unsynced.length : Math.floor(luck * chance.fraction() * (this.unsynced.length + 1));
    let content = this.content();
    for (let i = this.unsynced.length - 1; i >= survivors; i--) content = undone(content, this.unsynced[i]!);
    const synced = content.length;
    const torn = luck > 0 ? this.unsynced[survivors] : undefined;
    if (torn?.kind === 'written') content = Buffer.concat([content, tear(torn.bytes, chance)]);
    if (luck > 0 && luck < 1) this.punchHoles(content, this.syncedPrefix(synced, survivors), chance);
    return content;
  }

  /** Bytes below this offset were synced and never touched since. */
  private syncedPrefix(now: number, survivors: number): number {
    return this.unsynced.slice(0, survivors).reduce((low, change) => {
      return Math.min(low, change.kind === 'written' ? change.at : change.to);
    }, now);
  }

  /** Sectors reach the disk in any order: a later one may be there and an earlier one still be zeros. */
  private punchHoles(content: Uint8Array, from: number, chance: Chance): void {
    if (chance.fraction() < 0.5) return;
    for (let at = from; at < content.length; at += SECTOR) {
      if (chance.fraction() < 0.3) content.fill(0, at, Math.min(at + SECTOR, content.length));
    }
  }
}

function undone(content: Uint8Array, change: ByteChange): Uint8Array {
  if (change.kind === 'written') return content.slice(0, change.at);
  return new Uint8Array(Buffer.concat([content, change.lost]));
}

function tear(bytes: Uint8Array, chance: Chance): Uint8Array {
  const there = Math.floor(chance.fraction() * (bytes.length + 1));
  const zeros = chance.fraction() < 0.3 ? Math.floor(chance.fraction() * (bytes.length - there + 1)) : 0;
  return Buffer.concat([bytes.subarray(0, there), Buffer.alloc(zeros)]);
}

export type Node = FileNode | DirNode;

/** One atomic change of names: all of its effects happen or none. */
export type NameChange = readonly { readonly path: string; readonly node: Node | undefined }[];

/** The names of a disk: as programs see them, and what of that a power cut may take back. */
export class Names {
  readonly seen: Map<string, Node>;
  private readonly durable: Map<string, Node>;
  private unsynced: NameChange[] = [];

  constructor(start: ReadonlyMap<string, Node> = new Map()) {
    this.seen = new Map(start);
    this.durable = new Map(start);
  }

  change(...effects: NameChange): void {
    apply(this.seen, effects);
    this.unsynced.push(effects);
  }

  /** Commits what touched the folder, and whatever came before it on the same names. */
  syncDir(dir: string): void {
    const wanted = new Set<string>();
    const committed = new Set<NameChange>();
    for (const change of this.unsynced.toReversed()) {
      if (!change.some(({ path }) => dirname(path) === dir || wanted.has(path))) continue;
      for (const { path } of change) wanted.add(path);
      committed.add(change);
    }
    for (const change of this.unsynced) if (committed.has(change)) apply(this.durable, change);
    this.unsynced = this.unsynced.filter((change) => !committed.has(change));
  }

  /** Each unsynced change has happened or not; after one that has not, nothing else on its names has. */
  afterCut(chance: Chance, luck: number): Map<string, Node> {
    const names = new Map(this.durable);
    const stopped = new Set<string>();
    for (const change of this.unsynced) {
      if (chance.fraction() < luck && !change.some(({ path }) => stopped.has(path))) apply(names, change);
      else for (const { path } of change) stopped.add(path);
    }
    for (const path of names.keys()) if (!reachable(names, path)) names.delete(path);
    return names;
  }
}

function apply(names: Map<string, Node>, effects: NameChange): void {
  for (const { path, node } of effects) {
    if (node) names.set(path, node);
    else names.delete(path);
  }
}

function reachable(names: ReadonlyMap<string, Node>, path: string): boolean {
  for (let dir = dirname(path); dir !== '/'; dir = dirname(dir)) if (names.get(dir)?.kind !== 'dir') return false;
  return true;
}
