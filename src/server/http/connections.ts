import type { Socket } from 'node:net';

/**
 * The open connections, at most `max`: when one more comes, the one that was idle for longest goes. Idle is whoever
 * has no admitted request open; so strangers can't keep the owner out by holding connections.
 */
export class Connections {
  readonly #max: number;
  readonly #busy = new Map<Socket, number>(); // in the order of their last use

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#busy.size;
  }

  add(socket: Socket): void {
    if (this.#busy.size >= this.#max) (this.#longestIdle() ?? socket).destroy();
    if (socket.destroyed) return;
    this.#busy.set(socket, 0);
    socket.once('close', () => this.#busy.delete(socket));
  }

  /** An admitted request is open on it, until the returned function is called. */
  use(socket: Socket): () => void {
    this.#count(socket, 1);
    return () => this.#count(socket, -1);
  }

  /** `all`: whether or not something is open on them. */
  destroy(all: boolean): void {
    for (const [socket, busy] of this.#busy) if (all || busy === 0) socket.destroy();
  }

  #count(socket: Socket, by: 1 | -1): void {
    const busy = this.#busy.get(socket);
    if (busy === undefined) return;
    this.#busy.delete(socket);
    this.#busy.set(socket, busy + by);
  }

  #longestIdle(): Socket | undefined {
    for (const [socket, busy] of this.#busy) if (busy === 0 && !socket.destroyed) return socket;
    return undefined;
  }
}
