import { basename, dirname, join } from 'node:path';
import { FileTooLarge, NotARegularFile } from '../../src/runtime/model/file-error.ts';
import type { AppendFile, Chance, FileStat, Files } from '../../src/runtime/ports.ts';
import { FileNode, Names, type Node } from './forgetful-disk.ts';

export type Fault = 'ENOSPC' | 'EIO' | 'dies';

/** What a program gets from a full or broken disk. `dies`: it never gets anything again. */
class DiskFault extends Error {
  readonly code: string;
  constructor(fault: Fault, what: string) {
    super(`${fault}: ${what}`);
    this.code = fault === 'dies' ? 'EDEAD' : fault;
  }
}

/**
 * A disk in memory that forgets what was not synced. `cut` gives the disk as it may be found after a power cut.
 * A rename, a link and an unlink are each atomic; bytes tear.
 */
export class ForgetfulFiles implements Files {
  /** Steps that changed the disk so far; `failAt` counts them. */
  steps = 0;
  private names = new Names();
  private inodes = 1;
  private temps = 1;
  private fault: { at: number; kind: Fault; times: number } | undefined;
  private dead = false;

  /** The nth step from now (1 is the next), and `times - 1` after it, fails; a process that died stays dead. */
  failAt(n: number, kind: Fault, times = 1): void {
    this.fault = { at: this.steps + n, kind, times };
  }

  /** Whether the process died of a fault. */
  get died(): boolean {
    return this.dead;
  }

  /** The process dies now. */
  die(): void {
    this.dead = true;
  }

  heal(): void {
    this.fault = undefined;
  }

  /** After the process died and the machine did not: all that was written is there, synced or not. */
  restart(): void {
    this.dead = false;
    this.fault = undefined;
  }

  /** A legal state of the disk after the power went now; `luckless`: with nothing of what was not synced. This instance can't be used any more. */
  cut(chance: Chance, { luckless = false } = {}): ForgetfulFiles {
    const mood = luckless ? 0 : chance.fraction();
    const luck = mood < 0.15 ? 0 : mood < 0.3 ? 1 : chance.fraction();
    const after = new ForgetfulFiles();
    const copies = new Map<Node, Node>();
    const names = new Map<string, Node>();
    for (const [path, node] of this.names.afterCut(chance, luck)) {
      if (!copies.has(node)) {
        const ino = after.inodes++;
        const copy: Node = node.kind === 'dir' ? { kind: 'dir', ino } : new FileNode(ino, node.afterCut(chance, luck));
        copies.set(node, copy);
      }
      names.set(path, copies.get(node)!);
    }
    after.names = new Names(names);
    after.temps = this.temps;
    this.dead = true;
    return after;
  }

  async read(path: string, limit = Number.POSITIVE_INFINITY): Promise<Uint8Array | undefined> {
    const node = await this.look(path);
    if (node && node.size > limit) throw new FileTooLarge(path, limit);
    return node?.content();
  }

  async readAt(path: string, offset: number, length: number): Promise<Uint8Array | undefined> {
    return (await this.look(path))?.content(offset, offset + length);
  }

  async readLink(): Promise<undefined> {
    return undefined; // there are no links on this disk
  }

  async stat(path: string): Promise<FileStat | undefined> {
    await this.tick();
    const node = this.names.seen.get(path);
    if (!node) return undefined;
    if (node.kind === 'dir') return { kind: 'dir', size: 0, mtimeMs: 0, ctimeMs: 0, ino: node.ino, nlink: 1 };
    const nlink = [...this.names.seen.values()].filter((other) => other === node).length;
    return { kind: 'file', size: node.size, mtimeMs: node.mtimeMs, ctimeMs: node.mtimeMs, ino: node.ino, nlink };
  }

  async list(dir: string): Promise<{ name: string; kind: FileStat['kind'] }[] | undefined> {
    await this.tick();
    if (dir !== '/' && this.names.seen.get(dir)?.kind !== 'dir') return undefined;
    const inside = [...this.names.seen].filter(([path]) => dirname(path) === dir);
    return inside.map(([path, node]) => ({ name: basename(path), kind: node.kind }));
  }

  async makeDir(dir: string): Promise<void> {
    if (dir === '/') return;
    await this.makeDir(dirname(dir));
    const there = this.names.seen.get(dir);
    if (there?.kind === 'dir') return;
    if (there) throw Object.assign(new Error(`EEXIST: ${dir}`), { code: 'EEXIST' });
    await this.step(`mkdir ${dir}`);
    this.names.change({ path: dir, node: { kind: 'dir', ino: this.inodes++ } });
  }

  async replace(path: string, bytes: Uint8Array): Promise<void> {
    const { temp, node } = await this.writeTemp(path, bytes);
    await this.step(`rename over ${path}`);
    this.names.change({ path: temp, node: undefined }, { path, node });
  }

  async create(path: string, bytes: Uint8Array): Promise<'created' | 'exists'> {
    const { temp } = await this.writeTemp(path, bytes);
    if ((await this.moveNew(temp, path)) === 'moved') return 'created';
    await this.remove(temp);
    return 'exists';
  }

  async move(from: string, to: string): Promise<'moved' | 'missing'> {
    await this.step(`rename ${from}`);
    const node = this.names.seen.get(from);
    if (!node) return 'missing';
    if (node.kind === 'dir') throw new Error(`renaming folders is not modelled: ${from}`);
    this.parentOf(to);
    this.names.change({ path: from, node: undefined }, { path: to, node });
    return 'moved';
  }

  async moveNew(from: string, to: string): Promise<'moved' | 'missing' | 'exists'> {
    await this.step(`link ${to}`);
    const node = this.names.seen.get(from);
    if (!node) return 'missing';
    const there = this.names.seen.get(to);
    if (there && (there !== node || from === to)) return 'exists';
    this.parentOf(to);
    if (!there) this.names.change({ path: to, node });
    await this.step(`unlink ${from}`);
    this.names.change({ path: from, node: undefined });
    return 'moved';
  }

  async copyBehind(header: Uint8Array, from: string, to: string): Promise<'created' | 'exists' | 'missing'> {
    const source = await this.look(from);
    if (!source) return 'missing';
    return this.create(to, Buffer.concat([header, source.content()]));
  }

  async makeNewDir(dir: string): Promise<'created' | 'exists'> {
    if (this.names.seen.has(dir)) return 'exists';
    await this.makeDir(dir);
    return 'created';
  }

  async removeDir(dir: string): Promise<void> {
    await this.step(`rmdir ${dir}`);
    this.names.change({ path: dir, node: undefined });
  }

  async remove(path: string): Promise<'removed' | 'missing'> {
    await this.step(`unlink ${path}`);
    const node = this.names.seen.get(path);
    if (!node) return 'missing';
    if (node.kind === 'dir') throw Object.assign(new Error(`EISDIR: ${path}`), { code: 'EISDIR' });
    this.names.change({ path, node: undefined });
    return 'removed';
  }

  async sync(path: string): Promise<void> {
    await this.step(`fsync ${path}`);
    const node = await this.look(path);
    if (!node) throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
    node.sync();
  }

  async syncDir(dir: string): Promise<void> {
    await this.step(`fsync ${dir}`);
    if (dir !== '/' && this.names.seen.get(dir)?.kind !== 'dir') throw new Error(`ENOENT: ${dir}`);
    this.names.syncDir(dir);
  }

  async append(path: string): Promise<AppendFile> {
    const node = (await this.look(path)) ?? (await this.newFile(path));
    return {
      get size() {
        return node.size;
      },
      write: (bytes) => this.write(node, bytes),
      sync: async () => {
        await this.step(`fdatasync ${path}`);
        node.sync();
      },
      truncate: async (to) => {
        await this.step(`truncate ${path}`);
        node.truncate(to);
      },
      close: () => this.tick(),
    };
  }

  private async look(path: string): Promise<FileNode | undefined> {
    await this.tick();
    const node = this.names.seen.get(path);
    if (node?.kind === 'dir') throw new NotARegularFile(path, 'a folder');
    return node;
  }

  private async newFile(path: string): Promise<FileNode> {
    await this.step(`create ${path}`);
    this.parentOf(path);
    const node = new FileNode(this.inodes++);
    this.names.change({ path, node });
    return node;
  }

  private async writeTemp(beside: string, bytes: Uint8Array): Promise<{ temp: string; node: FileNode }> {
    const temp = join(dirname(beside), `.ym-tmp-${this.temps++}`);
    const node = await this.newFile(temp);
    await this.write(node, bytes);
    return { temp, node };
  }

  private async write(node: FileNode, bytes: Uint8Array): Promise<void> {
    try {
      await this.step('write');
    } catch (error) {
      node.write(bytes.subarray(0, Math.floor(bytes.length / 2))); // a full disk takes what fits
      throw error;
    }
    node.write(bytes);
    node.mtimeMs = this.steps;
  }

  private parentOf(path: string): void {
    const dir = dirname(path);
    if (dir !== '/' && this.names.seen.get(dir)?.kind !== 'dir') {
      throw Object.assign(new Error(`ENOENT: no folder ${dir}`), { code: 'ENOENT' });
    }
  }

  /** Every call gives others a turn, as a real disk does. */
  private async tick(): Promise<void> {
    await Promise.resolve();
    if (this.dead) throw new DiskFault('dies', 'the process is gone');
  }

  private async step(what: string): Promise<void> {
    await this.tick();
    this.steps++;
    const fault = this.fault;
    if (!fault || this.steps < fault.at || this.steps >= fault.at + fault.times) return;
    if (fault.kind === 'dies') this.dead = true;
    throw new DiskFault(fault.kind, what);
  }
}
