import { idKey, isId, type Message } from '../jsonrpc.ts';

const SUBSCRIPTION_ID = 'io.modelcontextprotocol/subscriptionId';

/** A subscription of the newer protocol as the SDK has granted it. */
export interface Granted {
  readonly id: string;
  readonly uris: readonly string[];
}

/** What an acknowledgement on its way to the client grants. */
export function grantedIn({ method, params }: Message): Granted | undefined {
  if (method !== 'notifications/subscriptions/acknowledged') return undefined;
  const id = (params?._meta as Record<string, unknown> | undefined)?.[SUBSCRIPTION_ID];
  const honoured = params?.notifications as { resourceSubscriptions?: unknown } | undefined;
  const uris = honoured?.resourceSubscriptions;
  if (!isId(id)) return undefined;
  return { id: idKey(id), uris: Array.isArray(uris) ? uris.filter((uri) => typeof uri === 'string') : [] };
}

/**
 * The addresses that one client subscribed to, each under the name that we use for it: a project may be named by its
 * id and a character may be encoded that need not be, but the client knows only what it wrote.
 */
export class Subscriptions {
  readonly #nameOf: (uri: string) => string | undefined;
  /** Who asked (a subscription's id, or an address in the older protocol) and what for. */
  readonly #asked = new Map<string, readonly string[]>();
  #written: ReadonlyMap<string, readonly string[]> | undefined;

  constructor(nameOf: (uri: string) => string | undefined) {
    this.#nameOf = nameOf;
  }

  get size(): number {
    return this.#asked.size;
  }

  add(by: string, uris: readonly string[]): void {
    if (uris.length > 0) this.#asked.set(by, uris);
    this.#written = undefined;
  }

  remove(by: string): void {
    if (this.#asked.delete(by)) this.#written = undefined;
  }

  /** Those of the changed addresses that were asked for, as the client wrote them. */
  among(changed: readonly string[]): string[] {
    if (this.#asked.size === 0) return [];
    this.#written ??= this.#byName();
    const written = this.#written;
    return changed.flatMap((uri) => written.get(uri) ?? []);
  }

  #byName(): Map<string, string[]> {
    const byName = new Map<string, string[]>();
    for (const uri of new Set([...this.#asked.values()].flat())) {
      const name = this.#nameOf(uri);
      if (name !== undefined) byName.set(name, [...(byName.get(name) ?? []), uri]);
    }
    return byName;
  }
}
