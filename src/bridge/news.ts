import { CLOSING, LISTS, parseMessage } from '../jsonrpc.ts';

/** What a runtime says to the bridge itself. */
export type News =
  | { readonly kind: 'stopped' } // on purpose: not to be started again until somebody asks for something
  | { readonly kind: 'making_room'; readonly version: string }
  | { readonly kind: 'lists'; readonly lists: unknown } // what the client's lists are
  | { readonly kind: 'refused'; readonly reason: string };

export function newsIn(line: string): News | undefined {
  // Cheap first: nearly every line is the client's, and some are long.
  if (!line.includes(CLOSING) && !line.includes(LISTS) && !/"id":null/.test(line)) return undefined;
  const message = parseMessage(line);
  if (message?.method === LISTS) return { kind: 'lists', lists: message.params };
  if (message?.method === CLOSING) {
    const to = message.params?.to;
    return typeof to === 'string' ? { kind: 'making_room', version: to } : { kind: 'stopped' };
  }
  const error = message?.id === null ? (message.error as { message?: unknown } | undefined) : undefined;
  return error === undefined ? undefined : { kind: 'refused', reason: String(error.message) };
}
