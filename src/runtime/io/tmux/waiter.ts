import { type ChildProcess, spawn } from 'node:child_process';

/**
 * Hears the channel that the hooks of our panes signal.
 *
 * W1. tmux keeps a signal for which nobody waits, so none is lost between two waits.
 * W2. Whatever ends the wait is only a hint: the one who hears it looks.
 * W3. It ends with this process, however that ends: a small shell reads a pipe whose other end only we hold.
 */
const WAIT =
  'exec 3<&0; "$@" </dev/null & waiting=$!; ' +
  '(read -r _ <&3; kill "$waiting") >/dev/null 2>&1 & reading=$!; ' +
  'wait "$waiting"; ended=$?; kill "$reading" 2>/dev/null; exit "$ended"';

export class Waiter {
  readonly #hint: () => void;
  #child: ChildProcess | undefined;
  #server: string | undefined;
  #ended: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(hint: () => void) {
    this.#hint = hint;
  }

  /** One wait at a time; one that waits for another server than this is ended, which makes somebody look again. */
  wait(
    tmux: { program: string; args: readonly string[]; env: Record<string, string> },
    channel: string,
    server: string,
  ): void {
    if (this.#child !== undefined && this.#server !== server) this.#child.stdin?.end();
    if (this.#closed || this.#child !== undefined) return;
    this.#server = server;
    const command = [tmux.program, ...tmux.args, '-N', 'wait-for', channel];
    const child = spawn('/bin/sh', ['-c', WAIT, 'yardmaster-wait', ...command], {
      cwd: '/',
      env: tmux.env,
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#child = child;
    this.#ended = new Promise((resolve) => {
      child.once('error', () => resolve());
      child.once('close', () => resolve());
    });
    child.stdin?.on('error', () => {});
    void this.#ended.then(() => {
      this.#child = undefined;
      if (!this.#closed) this.#hint();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#child?.stdin?.end();
    await this.#ended;
  }
}
