import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Packing, type PackingPorts } from '../../../src/runtime/context/packing.ts';
import { systemClock } from '../../../src/runtime/io/clock.ts';
import { DiskFiles } from '../../../src/runtime/io/files.ts';
import { git } from '../../../src/runtime/io/git.ts';
import { Config } from '../../../src/runtime/model/config.ts';
import { ProjectId, TaskId } from '../../../src/runtime/model/ids.ts';
import { isRefusal } from '../../../src/runtime/model/refusal.ts';
import { TaskSpec, type TaskSpecInput } from '../../../src/runtime/model/spec.ts';

export const PROJECT = ProjectId.parse('p_0123456789ab');

/** A project's folder with a neighbour that is nobody's business, and the packing of it. */
export class World {
  readonly root: string;
  readonly folder: string;
  readonly results = new Map<string, string>();
  bounds = { max_bytes: 10_000, max_files: 20 };

  private constructor(root: string) {
    this.root = root;
    this.folder = join(root, 'shop');
  }

  static async make(kind: 'git' | 'plain' = 'git'): Promise<World> {
    const world = new World(await realpath(await mkdtemp(join(tmpdir(), 'ym-context-'))));
    await mkdir(world.folder);
    if (kind === 'git') world.git('init', '-q', '-b', 'main');
    return world;
  }

  git(...args: string[]): void {
    this.gitIn(this.folder, ...args);
  }

  gitIn(folder: string, ...args: string[]): void {
    const who = ['-c', 'user.name=t', '-c', 'user.email=t@example.org', '-c', 'protocol.file.allow=always'];
    execFileSync('git', [...who, ...args], { cwd: folder, stdio: 'pipe' });
  }

  /** Files of the project by their paths; `../x` lies beside it. */
  async write(files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(this.folder, path)), { recursive: true });
      await writeFile(join(this.folder, path), text);
    }
  }

  async link(path: string, target: string): Promise<void> {
    await mkdir(dirname(join(this.folder, path)), { recursive: true });
    await symlink(target, join(this.folder, path));
  }

  packing(ports: Partial<PackingPorts> = {}): Packing {
    return new Packing({
      files: new DiskFiles(),
      git,
      clock: systemClock(),
      real: (path) => realpath(path).catch(() => undefined),
      config: () => Config.parse({ delegation: { include: this.bounds } }),
      store: this.store,
      ...ports,
    });
  }

  get store(): PackingPorts['store'] {
    return {
      projects: () => [{ id: PROJECT, name: 'shop', path: this.folder, epoch: 'e', configured: true } as never],
      get: async ({ id }) => (this.results.has(id) ? ({ state: 'done' } as never) : undefined),
      text: async ({ id }) => {
        const text = this.results.get(id);
        return text === undefined ? undefined : { bytes: Buffer.from(text), path: '' };
      },
    };
  }

  pack(spec: TaskSpecInput, ports: Partial<PackingPorts> = {}) {
    return this.packing(ports).pack(PROJECT, TaskSpec.parse(spec), this.folder);
  }

  /** The paths that are packed; a refusal fails. */
  async packed(...include: string[]): Promise<string[]> {
    const pack = await this.pack({ include });
    if (isRefusal(pack)) throw new Error(`${pack.message} | ${pack.hint}`);
    return pack.files.map(({ path }) => path);
  }

  /** Why nothing is packed. */
  async refused(...include: string[]): Promise<string> {
    const pack = await this.pack({ include });
    if (!isRefusal(pack)) throw new Error(`packed: ${pack.files.map(({ path }) => path)}`);
    return `${pack.code}: ${pack.message} | ${pack.hint}`;
  }

  async end(): Promise<void> {
    await chmod(this.folder, 0o755);
    await rm(this.root, { recursive: true, force: true });
  }
}

export const id = (text: string) => TaskId.parse(text);
