import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

export function isStraceThere(): boolean {
  return spawnSync('strace', ['--version']).status === 0;
}

/** Kills a process in place of one of its next system calls. */
export class Trap {
  readonly #strace: ChildProcess;
  readonly #exited: Promise<unknown>;

  private constructor(strace: ChildProcess) {
    this.#strace = strace;
    this.#exited = once(strace, 'exit');
  }

  /** Ready when every thread is watched. The call is counted in each thread for itself; `path`: only where it names this file. */
  static async set(pid: number, call: string, nth: number, path?: string): Promise<Trap> {
    const inject = `inject=${call}:signal=KILL:when=${nth}`;
    const only = path === undefined ? [] : ['-P', path];
    const strace = spawn(
      'strace',
      ['-f', '-o', '/dev/null', '-e', `trace=${call}`, '-e', inject, ...only, '-p', String(pid)],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    );
    const trap = new Trap(strace);
    await new Promise<void>((resolve, reject) => {
      let said = '';
      strace.stderr?.on('data', (chunk: Buffer) => {
        said += chunk;
        if (said.includes('attached')) resolve();
      });
      void trap.#exited.then(() => reject(new Error(`strace ended: ${said}`)));
    });
    return trap;
  }

  /** Lets the process go, if it is still there. strace may wait for a thread for ever; the kernel then lets go for it. */
  async open(): Promise<void> {
    this.#strace.kill('SIGTERM');
    const late = setTimeout(() => this.#strace.kill('SIGKILL'), 300);
    await this.#exited;
    clearTimeout(late);
  }
}
