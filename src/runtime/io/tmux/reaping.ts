/**
 * Up to 3.5, a tmux that keeps the system's list of logins can miss the signal of a child's death, when the child's terminal
 * closes first: the dead process stays a zombie, its pane has no status, and no hook runs until another child ends. Seen
 * in one of 25 quick deaths. The same signal once more makes the server collect its children; it costs a system call.
 */
const EVERY_MS = 1_000;
const COLLECT = 'SIGCHLD'; // ignored by whoever has no children to collect

export class Reaping {
  #timer: NodeJS.Timeout | undefined;
  #server: number | undefined;

  /** As long as there are panes of ours. */
  watch(server: number): void {
    this.#server = server;
    this.#timer ??= setInterval(() => this.collect(), EVERY_MS).unref();
  }

  collect(): void {
    if (this.#server === undefined) return;
    try {
      process.kill(this.#server, COLLECT);
    } catch {
      this.stop(); // it has ended, which others notice
    }
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#server = undefined;
  }
}
