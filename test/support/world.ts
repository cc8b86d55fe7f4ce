import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Home, homeAt } from '../../src/home.ts';

export const standIn = fileURLToPath(new URL('../../dist/for-tests/test/support/stand-in.js', import.meta.url));

/** A fresh home, and everything that was started for it; `end` leaves nothing of either. */
export class World {
  readonly home: Home;
  readonly #children: ChildProcess[] = [];
  readonly #root: string;

  constructor(under = '') {
    this.#root = mkdtempSync(join(tmpdir(), 'ym-'));
    this.home = homeAt(join(this.#root, under, 'home'));
  }

  get env(): Record<string, string> {
    const { CLAUDE_CODE_SESSION_ID: _, YARDMASTER_ATTEMPT_TOKEN: __, ...env } = process.env;
    return { ...(env as Record<string, string>), YARDMASTER_HOME: this.home.dir };
  }

  run(args: string[], env: Record<string, string> = {}): ChildProcess {
    const child = spawn(process.execPath, [standIn, ...args], { env: { ...this.env, ...env }, stdio: 'pipe' });
    this.#children.push(child);
    return child;
  }

  /** The pid in the lock file, when somebody has written it and lives. */
  owner(): number | undefined {
    try {
      const { pid } = JSON.parse(readFileSync(this.home.lock, 'utf8')) as { pid: number };
      process.kill(pid, 0);
      return isZombie(pid) ? undefined : pid;
    } catch {
      return undefined;
    }
  }

  lines(name: string): string[] {
    const path = join(this.home.dir, name);
    return existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : [];
  }

  async end(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    for (let pid = this.owner(); pid !== undefined; pid = this.owner()) {
      process.kill(pid, 'SIGKILL');
      await until(() => this.owner() !== pid);
    }
    rmSync(this.#root, { recursive: true, force: true });
  }
}

/** Dead, but not yet buried by its parent. */
function isZombie(pid: number): boolean {
  const stat = `/proc/${pid}/stat`;
  return existsSync(stat) && /\) Z /.test(readFileSync(stat, 'utf8'));
}

export async function until(holds: () => boolean | Promise<boolean>, ms = 60_000): Promise<void> {
  for (const end = Date.now() + ms; !(await holds()); await sleep(5)) {
    if (Date.now() > end) throw new Error(`This did not come true within ${ms} ms: ${holds}`);
  }
}

export function exited(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => child.once('exit', (code) => resolve(code)));
}
