import { createHash, timingSafeEqual } from 'node:crypto';
import type { Caller } from '../../runtime/yard.ts';
import type { KnownAttempts } from '../identify.ts';

/** Who sent a request. */
export interface Known {
  readonly caller: Caller;
  /** False once the token was replaced or the attempt has ended: what is still open for it ends then. */
  valid(): boolean;
}

/** Tells bearer tokens apart: the owner's, those of running attempts, and all others. */
export class Bearers {
  readonly #attempts: () => Promise<KnownAttempts>;
  #owner: Buffer;

  constructor(token: string, attempts: () => Promise<KnownAttempts>) {
    this.#owner = digest(token);
    this.#attempts = attempts;
  }

  replace(token: string): void {
    this.#owner = digest(token);
  }

  async whose(token: string): Promise<Known | undefined> {
    const owner = this.#owner;
    // Digests are of one length, so the comparison takes the same time whatever was sent.
    if (timingSafeEqual(digest(token), owner)) {
      return { caller: { principal: 'owner', name: 'owner' }, valid: () => this.#owner === owner };
    }
    const attempts = await this.#attempts();
    const caller = attempts.caller(token);
    return caller && { caller, valid: () => attempts.caller(token) !== undefined };
  }
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** One session never serves two of these. */
export function samePrincipal(one: Caller, other: Caller): boolean {
  return (
    one.principal === other.principal &&
    one.name === other.name &&
    taskOf(one)?.project === taskOf(other)?.project &&
    taskOf(one)?.id === taskOf(other)?.id
  );
}

function taskOf(caller: Caller) {
  return caller.principal === 'attempt' ? caller.task : undefined;
}
