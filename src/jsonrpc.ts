/** The parts of a JSON-RPC message that are looked at by what only carries messages. Dependency-free. */
export interface Message {
  readonly jsonrpc?: string;
  readonly id?: string | number | null;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: unknown;
  readonly error?: unknown;
}

export type Id = string | number;

export const PARSE_ERROR = -32700;
export const INVALID_REQUEST = -32600;
export const METHOD_NOT_FOUND = -32601;
/** Ours: the caller may not do this. */
export const NOT_ALLOWED = -32010;
/** Ours: the runtime is not there or is closing. */
export const UNAVAILABLE = -32011;

/** What a bridge says first, before the client's bytes. The runtime reads it; the MCP SDK never sees it. */
export const HELLO = 'yardmaster/hello';
/** Said to every connection by a runtime that stops: `to` names the newer version for which it makes room. */
export const CLOSING = 'yardmaster/closing';

/** Said to a bridge that carries MCP: what its client's lists are, for the next hello. */
export const LISTS = 'yardmaster/lists';

export function parseMessage(line: string): Message | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isId(id: unknown): id is Id {
  return typeof id === 'string' || typeof id === 'number';
}

/** Number 1 and string "1" are different ids. */
export function idKey(id: Id): string {
  return JSON.stringify(id);
}

export function errorLine(id: Id | null, code: number, message: string, data?: unknown): string {
  return JSON.stringify({ jsonrpc: '2.0', id, error: { code, message, ...(data === undefined ? {} : { data }) } });
}
