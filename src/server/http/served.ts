import type { IncomingMessage, ServerResponse } from 'node:http';
import type { McpServer, Server } from '@modelcontextprotocol/server';
import type { Caller } from '../../runtime/yard.ts';
import type { Known } from './bearers.ts';

/** The lists that clients keep until they hear that they changed. */
export type ListKind = 'tools' | 'resources' | 'prompts';

/** What one client sees, and how it hears of changes. */
export interface Served {
  readonly server: Server | McpServer;
  changed(uris: readonly string[]): void;
  listChanged?(kind: ListKind): void;
}

export type Serve = (caller: Caller, era: 'legacy' | 'modern') => Served;

/** One request that was admitted. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly known: Known;
}
